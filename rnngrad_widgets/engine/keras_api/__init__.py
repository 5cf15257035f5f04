"""Keras 3 and tf_keras behind one interface: the rest of the engine names neither."""
