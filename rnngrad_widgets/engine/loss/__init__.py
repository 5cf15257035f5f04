"""The loss of a model, or another one, as a function of a batch."""
