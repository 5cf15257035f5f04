"""`GradientEngine.check`: gradients against differences of the model's own loss.

Nothing here takes part in computing gradients; the imports are checked for that. `nudges`,
`nudged_layer`, `nudged_steps` and `timestep_counter` move tensors in a forward pass; `replay`,
`origins` and `traced_step` do so for a state inside of a cell's code, `by_hand` for gates; `rows`
assigns what is moved to gradients; `directions` and `slopes` compare differences with them.
`check` is the whole of it, `gradients` which gradients to compute for it.
"""

from rnngrad_widgets.engine.checking.check import Check
from rnngrad_widgets.engine.checking.gradients import group_quantities, merge_snapshots

__all__ = ["Check", "group_quantities", "merge_snapshots"]
