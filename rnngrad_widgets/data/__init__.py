"""Arrays and what is known of them: numpy only, no widgets and no TensorFlow."""
