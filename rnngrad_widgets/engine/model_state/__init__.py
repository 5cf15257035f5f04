"""The variables of a model: made where it is not built yet, and left as they were."""
