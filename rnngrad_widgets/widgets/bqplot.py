"""What is used of bqplot, imported here alone: without a warning that users can do nothing about.

bqscales, which bqplot imports, sets metadata the way of traitlets before 4.1, and is warned for it
while it is imported: under ``python -W error`` that would be the end. Filters belong to the whole
process, so this one is narrow, and is gone when Python has imported bqplot for the first time.
Another thread loses no warning but this one in that time; filters that it sets then may be lost, as
with any `catch_warnings`.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings(
        "ignore", r"metadata .* was set from the constructor", DeprecationWarning
    )
    from bqplot import Axis, ColorScale, Figure, LinearScale, Mark

__all__ = ["Axis", "ColorScale", "Figure", "LinearScale", "Mark"]
