"""How much the last state of a layer depends on its earlier ones, whatever the loss is."""
