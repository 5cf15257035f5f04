"""For all tests: TensorFlow's notes about the machine are not what a failure is about."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
