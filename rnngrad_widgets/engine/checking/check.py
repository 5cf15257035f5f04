"""Check the engine's gradients against differences of the model's own loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.data.check_table import CheckRow, CheckTable
from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
from rnngrad_widgets.engine.backend import Model, Tensor, components, tf
from rnngrad_widgets.engine.checking.directions import THIRDS, directions
from rnngrad_widgets.engine.checking.nudged_layer import NudgedLayer
from rnngrad_widgets.engine.checking.nudges import CannotNudge, Nudges
from rnngrad_widgets.engine.checking.rows import NudgedTensor, nudged_tensors
from rnngrad_widgets.engine.checking.slopes import PRECISIONS, Comparison, Precision, compare
from rnngrad_widgets.engine.inputs.batch import Batch
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.layers.find import LayerMatch
from rnngrad_widgets.engine.layers.weights import weights_of
from rnngrad_widgets.engine.loss.loss_function import Loss, LossError, LossFunction

_KINDS = {
    "output_gradient": "outside",
    "input_gradient": "outside",
    "hidden_gradient": "state",
    "cell_gradient": "state",
    "initial_state_gradient": "state",
    "gate_gradient": "gate",
}
"""Kind of tensors that are moved to check a quantity."""


class Check:
    """Check the gradients of one batch.

    Parameters
    ----------
    model, training, loss
        As in `GradientEngine.compute`.
    batch
        The batch.
    targets
        The layers.
    seed
        Seed of the random directions.
    """

    def __init__(
        self,
        model: Model,
        batch: Batch,
        targets: Sequence[LayerMatch],
        *,
        training: bool,
        loss: Loss | None,
        seed: int,
    ) -> None:
        self._model = model
        self._batch = batch
        self._targets = targets
        self._settings: dict[str, Any] = {"training": training, "loss": loss}
        self._random = np.random.default_rng(seed)
        self._assigned: tuple[Any, Tensor] | None = None
        self._plain = self._loss(self._assign)
        self._base = self._plain(batch)
        self._precision = self._coarsest(self._base.mean.dtype)

    def run(self, snapshot: GradientSnapshot) -> CheckTable:
        """Check every gradient of a snapshot that was computed for the batch."""
        rows: dict[tuple[str, str], CheckRow] = {}
        reason = self._unusable_loss_reason(snapshot)
        if not reason:
            rows |= {(row.layer, row.quantity): row for row in self._rows(snapshot)}
        gradients = [key for key in snapshot if QUANTITIES[key[1]].is_gradient]
        without = reason or "there is nothing that could be moved to check it"
        return CheckTable(
            tuple(rows.get(key) or self._row(key, reason=without) for key in gradients),
            loss=snapshot.loss,
            notes=snapshot.notes,
        )

    def _unusable_loss_reason(self, snapshot: GradientSnapshot) -> str:
        """Return why differences of the loss say nothing about gradients; empty if they do."""
        base, again = float(self._base.mean), float(self._plain(self._batch).mean)
        if not np.isfinite(base):
            return f"the loss is {base}"
        if base != again:
            return "the loss differs from run to run, by random numbers whose seed is no variable"
        if snapshot.loss is not None and not self._agrees(snapshot.loss, base):
            return f"the gradients are those of another loss, {snapshot.loss:.8g} for {base:.8g}"
        return ""

    def _rows(self, snapshot: GradientSnapshot) -> Iterator[CheckRow]:
        quantities = {quantity for _, quantity in snapshot}
        for kind in dict.fromkeys(_KINDS.values()):
            words = [word for word in _KINDS if _KINDS[word] == kind and word in quantities]
            if words:
                yield from self._moved_rows(kind, words, snapshot)
        if "weight_gradient" in quantities:
            yield from self._weight_rows(snapshot)

    def _moved_rows(
        self, kind: str, words: Sequence[str], snapshot: GradientSnapshot
    ) -> Iterator[CheckRow]:
        nudges = Nudges()
        layers = [NudgedLayer(target, kind, nudges) for target in self._targets]

        def prepare() -> None:
            for layer in layers:
                layer.install()

        try:
            function = self._loss(prepare)
            reason = self._other_loss_reason(float(function(self._batch).mean), kind)
        except (tf.errors.OpError, LossError) as error:
            failed = f"the model fails while it is looked into: {_cause(error)}"
            yield from (self._row(key, reason=failed) for key in snapshot if key[1] in words)
            return
        for layer in layers:
            for word in words:
                known = {path: None for path, quantity in snapshot if quantity == word}
                for path, moved in nudged_tensors(layer, nudges, word, known):
                    if path not in known:
                        continue
                    tensor = snapshot[path, word]
                    why = reason or moved.reason
                    yield (
                        self._row((path, word), reason=why)
                        if why
                        else self._compared(tensor, self._along(moved, nudges, function))
                    )

    def _other_loss_reason(self, loss: float, kind: str) -> str:
        """Return why the loss differs although nothing is moved; empty if it does not."""
        if self._agrees(loss, float(self._base.mean)):
            return ""
        reason = "the model computes another loss while its timesteps are looked into"
        by_hand = "; its cells are computed by hand for that, without dropout"
        return reason + (by_hand if kind == "gate" else "")

    def _along(
        self, moved: NudgedTensor, nudges: Nudges, function: LossFunction
    ) -> Callable[[NDArray[Any]], Callable[[float], float]]:
        def along(direction: NDArray[Any]) -> Callable[[float], float]:
            parts = moved.split(direction, nudges)

            def loss(step: float) -> float:
                with nudges.set({site: step * part for site, part in parts.items()}):
                    return float(function(self._batch).total)

            return loss

        return along

    def _weight_rows(self, snapshot: GradientSnapshot) -> Iterator[CheckRow]:
        for target in self._targets:
            for name, weight in weights_of(target.layer).items():
                key = f"{target.info.path}/{name}", "weight_gradient"
                if key in snapshot:
                    value = tf.convert_to_tensor(weight.variable)
                    size = float(np.sqrt(np.mean(np.square(np.asarray(value, float))))) or 1.0
                    along = self._along_weight(weight.variable)
                    yield self._compared(snapshot[key], along, size)

    def _along_weight(self, variable: Tensor) -> Callable[[NDArray[Any]], Callable[[float], float]]:
        plain = components(variable)[0]

        def along(direction: NDArray[Any]) -> Callable[[float], float]:
            def loss(step: float) -> float:
                value = tf.convert_to_tensor(plain) + tf.cast(step * direction, plain.dtype)
                if not self._model.run_eagerly:
                    return float(self._plain(self._batch, {id(plain.handle): value}).total)
                self._assigned = plain, value
                try:
                    return float(self._plain(self._batch).total)
                finally:
                    self._assigned = None

            return loss

        return along

    def _assign(self) -> None:
        """Assign another value to a weight; in eager mode, where all variables are restored."""
        if self._assigned is not None:
            variable, value = self._assigned
            variable.assign(value)

    def _compared(
        self,
        tensor: GradientTensor,
        along: Callable[[NDArray[Any]], Callable[[float], float]],
        size: float = 1.0,
    ) -> CheckRow:
        key = tensor.layer, tensor.quantity
        gradient = tensor.values.astype(float)
        if not np.isfinite(gradient).all():
            return self._row(key, reason="the gradient is not finite")
        found: dict[str, Comparison] = {}
        for name, direction in directions(tensor, self._random):
            terms = gradient * direction
            sums = float(terms.sum()), float(np.abs(terms).sum())
            try:
                found[name] = compare(along(direction), *sums, self._precision, size)
            except CannotNudge as reason:
                return self._row(key, reason=str(reason))
            except (tf.errors.OpError, LossError) as error:
                return self._row(key, reason=f"the model fails when it is moved: {_cause(error)}")
            if found[name].passed is False:
                break
        verdicts = {one.passed for one in found.values()}
        passed = False if False in verdicts else True if True in verdicts else None
        same = [one.error for one in found.values() if one.passed is passed]
        open_ = {name: one for name, one in found.items() if one.passed is None}
        return self._row(key, max(same), passed, self._undecided(open_, passed))

    def _undecided(self, left_open: Mapping[str, Comparison], passed: bool | None) -> str:
        """Return what of a gradient remains undecided, in words."""
        if not left_open or passed is False:
            return ""
        if any(one.kinked for one in left_open.values()):
            return "the loss has a kink exactly there, as relu has at 0, and so no derivative"
        uncertain = max(one.uncertain for one in left_open.values())
        dtype = self._precision.dtype
        what = (
            "it is too small for the loss to tell"
            if uncertain > 0.1
            else (f"the loss tells it only to {uncertain:.0e}, and to that it agrees")
        )
        thirds = [name for name in left_open if name in THIRDS]
        where = f" in the {' and '.join(thirds)} third of the timesteps" if passed else ""
        return what + (where if thirds else "") + ("" if dtype == "float64" else "; use float64")

    def _loss(self, prepare: Callable[[], None]) -> LossFunction:
        exact = [tf.type_spec_from_value(leaf) for leaf in self._batch.leaves]
        return LossFunction(self._model, self._batch, exact, prepare=prepare, **self._settings)

    def _coarsest(self, loss: Any) -> Precision:
        layers = adapter_of(self._model).all_layers(self._model)
        used = {str(layer.compute_dtype) for layer in layers} | {loss.name}
        return next(PRECISIONS[name] for name in reversed(PRECISIONS) if name in used)

    def _agrees(self, found: float, expected: float) -> bool:
        rounding = max(self._precision.resolution * 1e3, 1e-9)
        return bool(np.isclose(found, expected, rtol=rounding, atol=1e-12))

    def _row(
        self,
        key: tuple[str, str],
        error: float | None = None,
        passed: bool | None = None,
        reason: str = "",
    ) -> CheckRow:
        precision = self._precision
        return CheckRow(*key, error, precision.tolerance, precision.dtype, passed, reason)


def _cause(error: Exception) -> str:
    cause = error.__cause__ or error
    lines = str(cause).strip().splitlines() or [""]
    return f"{type(cause).__name__}: {lines[0]}"
