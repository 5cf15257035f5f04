"""`GradientEngine.check`: gradients against differences of the model's own loss.

Nothing here has a part in how gradients are computed. `nudges`, `nudged_layer`, `nudged_steps`:
what is moved in a forward pass; `replay`, `origins`, `traced_step`: a state, inside of somebody's
code; `by_hand`: gates; `rows`: what of it belongs to which gradient; `slopes`: differences, and
what they tell.
"""

from rnngrad_widgets.engine.checking.check import Check
from rnngrad_widgets.engine.checking.gradients import group_quantities, merge_snapshots

__all__ = ["Check", "group_quantities", "merge_snapshots"]
