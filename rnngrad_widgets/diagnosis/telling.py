"""What an explorer tells of a gradient: a sentence for each sample and for the batch, and a table.

All of it follows from what `diagnose` says of the same tensor, so that none can disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from rnngrad_widgets.data.tensor import REACH, GradientTensor
from rnngrad_widgets.diagnosis.diagnosis import Diagnosis
from rnngrad_widgets.diagnosis.extent import extent_of
from rnngrad_widgets.diagnosis.gradient import is_gradient_over_time
from rnngrad_widgets.diagnosis.headline import batch_headline, headline, reach_headline
from rnngrad_widgets.diagnosis.lag_profile import profiles_by_lag
from rnngrad_widgets.diagnosis.numbers import numbers_of
from rnngrad_widgets.diagnosis.profile import Profile


@dataclass(frozen=True)
class Evidence:
    """A tensor, and what else must be known to read it.

    Parameters
    ----------
    tensor
        What is diagnosed.
    reasons
        For each direction why lag 0 is no measure of the other timesteps, see
        `reasons_against_rate`; empty where it is one.
    threshold, levels
        As for `diagnose`.
    """

    tensor: GradientTensor
    reasons: Mapping[str, str]
    threshold: float
    levels: tuple[float, ...]


class Told(NamedTuple):
    """What is told of a tensor, in words.

    Parameters
    ----------
    samples
        One sentence for each sample; none where there is no gradient over time.
    batch
        One about all samples; empty where there is only one, of which it says nothing more.
    header, rows, lines
        The table of the diagnosis, and the sentences below it.
    """

    samples: list[str]
    batch: str
    header: list[str]
    rows: list[list[str]]
    lines: list[str]

    def to_wire(self) -> dict[str, Any]:
        """Return the fields by their names."""
        return self._asdict()


NOTHING = Told([], "", [], [], [])


def tell(evidence: Evidence) -> Told:
    """Tell what there is to say of a gradient over time; nothing of anything else."""
    tensor, threshold, levels = evidence.tensor, evidence.threshold, evidence.levels
    if not is_gradient_over_time(tensor):
        return NOTHING
    profiles = profiles_by_lag(tensor)
    numbers = numbers_of(tensor, profiles, evidence.reasons, threshold, levels)
    gradients = tuple(each.diagnosis for each in numbers.values())
    table = Diagnosis(gradients, (), (), threshold, levels).table

    def joined(sentences: Mapping[str, str]) -> str:
        if len(set(sentences.values())) == 1:
            return next(iter(sentences.values()))
        return " · ".join(f"{name}: {sentence}" for name, sentence in sentences.items())

    def sentence(name: str, sample: int) -> str:
        readable = not evidence.reasons[name]
        alone = _of_sample(profiles[name], sample)
        extent = extent_of(alone, levels, threshold, is_readable=readable)
        if readable and tensor.dims == REACH:
            return reach_headline(extent)
        return headline(extent, threshold)

    batch = {
        name: batch_headline(found, evidence.reasons[name], threshold)
        for name, found in numbers.items()
    }
    samples = [
        joined({name: sentence(name, sample) for name in profiles})
        for sample in range(tensor.shape[0])
    ]
    says_more = len(samples) > 1 or any(evidence.reasons.values())
    return Told(
        samples,
        joined(batch) if says_more else "",
        list(table.header),
        [list(row) for row in table.rows],
        table.below,
    )


def _of_sample(profile: Profile, sample: int) -> Profile:
    rows = slice(sample, sample + 1)
    return replace(profile, norms=profile.norms[rows], timesteps=profile.timesteps[rows])
