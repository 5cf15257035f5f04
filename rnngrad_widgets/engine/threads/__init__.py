"""Other threads: waiting for them, and letting them wait, while the engine uses a model."""
