"""Derivatives of a loss by tensors inside a model, in a graph and in eager mode."""
