"""The calls of a layer in one forward pass, and which of them make one tensor."""
