"""Python halves of the bqplot marks."""
