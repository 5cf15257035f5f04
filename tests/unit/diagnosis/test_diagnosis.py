"""What is diagnosed of which source, and how it reads."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets import GradientSnapshot, GradientTensor
from rnngrad_widgets.data.tensor import NO_TIME, SEQUENCE
from rnngrad_widgets.diagnosis.diagnose import diagnose
from rnngrad_widgets.diagnosis.loss_position import timesteps_read
from tests.unit.diagnosis.test_over_time import LAGS, B, C, T, made

FALLING = made(0.9**LAGS)
LAST_ONLY = np.where(LAGS[:, None] == 0, FALLING, 0.0)


def snapshot(direct: np.ndarray | None, layer: str = "lstm", **more: Any) -> GradientSnapshot:
    tensors = {
        (layer, "hidden_gradient"): GradientTensor(FALLING, SEQUENCE, layer, "hidden_gradient")
    }
    if direct is not None:
        dims = SEQUENCE if direct.ndim == 3 else NO_TIME
        tensors["lstm", "output_gradient"] = GradientTensor(direct, dims, "lstm", "output_gradient")
    return GradientSnapshot(tensors | more)


@pytest.mark.parametrize(
    ("direct", "reason"),
    [
        (LAST_ONLY, ""),
        (LAST_ONLY[:, -1], ""),
        (FALLING, "the loss acts before the last timestep too; the quantity reach tells it"),
        (None, "whether the loss acts before the last timestep is not known: compute output_gr.*"),
    ],
)
@pytest.mark.parametrize("layer", ["lstm", "lstm/0"])
def test_a_rate_is_read_where_the_loss_acts_last(
    direct: np.ndarray | None, reason: str, layer: str
) -> None:
    found = diagnose(snapshot(direct, layer)).gradients
    total = next(each for each in found if each.quantity == "hidden_gradient")
    assert re.fullmatch(reason, total.no_decay)
    assert (total.decay is None) == bool(reason)
    assert (total.reach == ()) == bool(reason)
    assert (total.growth is None) == bool(reason)
    assert total.not_reached == 0, "this is of the gradient as it is"


def test_the_rate_of_the_direct_gradient_is_none() -> None:
    (found,) = [each for each in diagnose(snapshot(FALLING)).gradients if "output" in each.quantity]
    assert found.no_decay.startswith("this is the direct gradient, without the layer's own recurr")


def test_of_a_backward_layer_the_loss_must_act_at_the_first_timestep() -> None:
    names = ("forward", "backward")
    both = np.concatenate([FALLING, FALLING[:, ::-1]], axis=-1)
    total = GradientTensor(both, SEQUENCE, "bi", "hidden_gradient", directions=names)
    for merged in (LAST_ONLY, np.concatenate([LAST_ONLY, LAST_ONLY], axis=-1)):
        halves = names if merged.shape[-1] == 2 * C else ()
        direct = GradientTensor(merged, SEQUENCE, "bi", "output_gradient", directions=halves)
        tensors = {("bi", "hidden_gradient"): total, ("bi", "output_gradient"): direct}
        first, second = diagnose(tensors).gradients[:2]
        assert first.decay is not None
        assert second.decay is None, "the loss is where it began"


def test_a_half_with_a_tensor_of_its_own_is_told_by_its_path() -> None:
    """As halves of two sizes have, whose output is one tensor that names no halves."""
    direct = GradientTensor(LAST_ONLY, SEQUENCE, "bi", "output_gradient")
    forward = GradientTensor(FALLING, SEQUENCE, "bi/forward", "hidden_gradient")
    backward = GradientTensor(
        FALLING[:, ::-1], SEQUENCE, "bi/backward", "hidden_gradient", directions=("backward",)
    )
    tensors = {(each.layer, each.quantity): each for each in (forward, backward, direct)}
    first, second = diagnose(tensors).gradients[:2]
    assert first.decay is not None
    assert second.decay is None, "the loss is where it began"


@pytest.mark.parametrize(
    ("read", "count"),
    [([], None), ([59], 1), ([57, 59], 3), ([30], 30), ([29], None), ([0, 59], None)],
)
def test_how_many_of_the_last_timesteps_a_loss_reads(read: list[int], count: int | None) -> None:
    direct = np.zeros((2, T, C))
    direct[1, read, 2] = -1e-30
    assert timesteps_read(GradientTensor(direct, SEQUENCE)) == count


def test_a_loss_reads_the_last_timesteps_that_are_not_masked() -> None:
    mask = np.arange(T) < np.array([[T], [20], [0]])
    direct = np.zeros((3, T, C))
    direct[0, -1], direct[1, 18] = 1, np.nan
    assert timesteps_read(GradientTensor(direct, SEQUENCE, mask=mask)) == 2


def test_gates() -> None:
    random = np.random.default_rng(0)
    gates = ("i", "f", "c", "o")
    values = random.uniform(size=(B, T, 4 * C))
    values[..., :C] = 0.05  # i is closed
    mask = random.uniform(size=(B, T)) < 0.7
    tensor = GradientTensor(values, SEQUENCE, "lstm", "gate", gates=gates, mask=mask)
    found = diagnose(GradientSnapshot({("lstm", "gate"): tensor}))
    assert [each.gate for each in found.gates] == ["i", "f", "o"], "c is no gate"
    forget = values[..., C : 2 * C][mask]
    numbers = found.gates[1]
    assert numbers.closed == np.mean(forget < 0.1)
    assert numbers.open == np.mean(forget > 0.9)
    times = sorted(-1 / np.log(forget).mean(axis=0))
    assert numbers.forget_time == pytest.approx(times[C // 2])
    assert numbers.longest_forget_time == pytest.approx(times[3])
    assert found.gates[0].forget_time is None
    assert found.findings == (
        "lstm: 100 % of the activations of gate i are below 0.1 on this batch",
    )
    values = np.ones((1, 2, 3))
    values[..., 1] = 0
    always = GradientTensor(values, SEQUENCE, "g", "gate", gates=("z",))
    (gate,) = diagnose({("g", "gate"): always}).gates
    assert (gate.forget_time, gate.longest_forget_time) == (np.inf, np.inf)


def test_recurrent_kernels() -> None:
    random = np.random.default_rng(0)
    orthogonal = np.linalg.qr(random.normal(size=(6, 6)))[0]
    nilpotent = np.diag(np.full(5, 3.0), 1)
    values = np.concatenate([0.5 * orthogonal, nilpotent], axis=1)
    dims = ("previous_channel", "channel")
    tensor = GradientTensor(values, dims, "l/recurrent_kernel", "weight", gates=("a", "b"))
    first, second = diagnose({("l/recurrent_kernel", "weight"): tensor}).kernels
    assert (first.weight, first.gate, second.gate) == ("l/recurrent_kernel", "a", "b")
    assert first.largest_singular_value == pytest.approx(0.5)
    assert first.spectral_radius == pytest.approx(0.5)
    assert first.departure_from_orthogonal == pytest.approx(0.75)  # |0.25 - 1|
    assert second.largest_singular_value == pytest.approx(3)
    assert second.spectral_radius == pytest.approx(0, abs=1e-6)
    with pytest.raises(ValueError, match="a diagnosis needs a gradient with the axes sample"):
        diagnose(GradientTensor(values, dims, "l/kernel", "weight"))


def test_it_reads_as_a_table_sentences_and_json() -> None:
    values = np.zeros((B, T, C))
    values[..., 0] = 0.9**LAGS
    total = GradientTensor(values, SEQUENCE, "<b>", "hidden_gradient")
    direct = GradientTensor(values[:, -1], NO_TIME, "<b>", "output_gradient")
    tensors = {("<b>", "hidden_gradient"): total, ("<b>", "output_gradient"): direct}
    found = diagnose(GradientSnapshot(tensors), threshold=1e-2)
    header, row, *sentences = repr(found).splitlines()
    assert header.split("  ")[0] == "layer"
    assert re.split(r" {2,}", row)[2:] == ["× 0.9", "21.9", "9", "≥ 59", "27 %"]
    assert tuple(sentences) == found.findings
    where = "<b> hidden-state gradient (BPTT): "
    assert [sentence.removeprefix(where) for sentence in sentences] == [
        "falls by a factor of 0.9 per step back, to a tenth within 21.9 steps (95 % of 12 samples "
        "drawn anew: 0.9 to 0.9)",
        "its norm is 37 % or more of that at the last timestep up to 9 timesteps back",
        "its norm is 1e-3 or more of that at the last timestep as far back as the sequences go, "
        "59 timesteps",
        "27 % of timesteps (0 .. 15) contribute less than 1e-2 of the strongest timestep to this "
        "gradient, with these weights, on this batch",
        "4 of 5 channels are exactly 0 in every sample and timestep",
    ]
    assert "<b>" not in found._repr_html_()
    assert "&lt;b&gt;" in found._repr_html_()
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["findings"] == list(found.findings)
    assert data["gradients"][0]["decay"]["factor"] == pytest.approx(0.9)
    assert data["gradients"][0]["timesteps_not_reached"] == [[0, 15]]


@pytest.mark.parametrize(
    ("factor", "samples", "words"),
    [
        (
            1.05,
            B,
            "grows backwards, by a factor of 1.05 per step, 17.8 times to the first timestep (",
        ),
        (
            1.2,
            B,
            "explodes backwards, by a factor of 1.2 per step, 46,956 times to the first times",
        ),
        (
            1.2,
            7,
            "changes by a factor of 1.2 per step back; of 7 samples it cannot be said whether",
        ),
        (0.8, 7, "falls by a factor of 0.8 per step back, to a tenth within 10.3 steps"),
        (1.0, B, "neither falls nor grows with the steps back (factor 1 per step) ("),
    ],
)
def test_words_say_what_the_interval_allows(factor: float, samples: int, words: str) -> None:
    values = made(factor**LAGS)
    if factor == 1.0:  # some fall, some grow
        values = made(np.exp(np.linspace(-0.01, 0.01, B)[:, None] * LAGS))
    sentence = diagnose(values[:samples]).findings[0]
    assert sentence.startswith(f"array: {words}")


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (FALLING, {"threshold": 0}, ValueError, "threshold must be between 0 and 1; received 0"),
        (FALLING, {"threshold": True}, TypeError, "threshold must be a number; received True"),
        (FALLING, {"levels": (0.5, 2)}, ValueError, "levels must each be between 0 and 1; .* 2"),
        (FALLING[0, 0], {}, ValueError, "one name per axis"),
        (FALLING[:, -1], {}, ValueError, "a diagnosis needs a gradient with the axes sample, time"),
        (object(), {}, TypeError, r"received object. Of a recording: recording.snapshot\(-1\)"),
        ({"a": FALLING}, {}, TypeError, "a mapping must hold GradientTensors; received ndarray"),
        (
            GradientTensor(FALLING, SEQUENCE),
            {"dims": SEQUENCE},
            TypeError,
            "dims names the axes of an array; received it with GradientTensor",
        ),
        (GradientSnapshot({}), {}, ValueError, "received nothing. hidden_gradient has them"),
    ],
)
def test_bad_input(source: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        diagnose(source, **options)
