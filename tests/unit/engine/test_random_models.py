"""Random models: numbers equal an independent unroll, and the model is as it was.

``make fuzz`` tries many more. A failure prints a smaller model that fails too, as one line; in
`EXAMPLES` it becomes a case for good.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.unit.engine.random_models.judge import judged
from tests.unit.engine.random_models.known import known
from tests.unit.engine.random_models.simpler import smallest
from tests.unit.engine.random_models.spec import Rnn, Spec
from tests.unit.engine.random_models.strategy import FAMILIES, specs

EXAMPLES: tuple[Spec, ...] = (
    # Keras' unrolled loop masks the outputs of a backward layer by the mask in input order.
    Spec((Rnn("GRU", wrapper="concat", unroll=True),), front="embedding", pattern="post"),
    # A mask that comes with the sequence does not reach a layer that is given initial states.
    Spec((Rnn(initial="given"),), front="masking", pattern="pre"),
    Spec((Rnn(stateful=True, wrapper="chunks"),), fixed_batch=True, earlier=1),
    # Both halves come in the order of processing of a forward layer that goes backwards.
    Spec(
        (Rnn("SimpleRNN", wrapper="concat", backward="GRU", go_backwards=True),),
        front="embedding",
        pattern="post",
    ),
)
"""Models that were wrong once, in the engine or in the unroll."""

DRAWN = 2
"""How many models of each family are drawn; the same ones in every run."""


def assert_right(spec: Spec) -> None:
    faults = judged(spec, slopes=spec.seed % 3 == 0)  # they take a fifth of the time
    if faults:
        small = smallest(spec, faults[0].kind, time.monotonic() + 60)
        story = "\n".join(map(str, judged(small) or faults))
        pytest.fail(f"{spec!r}\nor smaller: {small!r}\n{story}", pytrace=False)


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("spec", [spec for spec in EXAMPLES if not known(spec)], ids=repr)
def test_models_that_were_wrong_once(spec: Spec) -> None:
    assert_right(spec)


@pytest.mark.parametrize("family", FAMILIES)
def test_random_models(family: str) -> None:
    @settings(
        max_examples=DRAWN,
        deadline=None,
        phases=[Phase.generate],  # what fails is made smaller in a minute, not in hours
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(specs(family).filter(lambda spec: not known(spec)))
    def holds(spec: Spec) -> None:
        assert_right(spec)

    holds()
