"""The calls of a layer in one forward pass: what is recorded of them, and how they are grouped."""
