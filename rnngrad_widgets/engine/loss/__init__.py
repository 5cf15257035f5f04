"""The loss of a model, or another loss, as a function of a batch."""
