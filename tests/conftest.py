"""For all tests: what TensorFlow says."""

from __future__ import annotations

import os

# Notes about the machine are not what a failure is about.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
