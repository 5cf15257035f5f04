"""The recurrent layers of a model, their cells, weights and axes, before anything is traced."""
