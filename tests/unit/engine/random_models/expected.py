"""What each tensor of a snapshot must hold, read off an independent unroll."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.unit.engine.random_models.independent import Place, Unrolled
from tests.unit.engine.random_models.spec import Rnn
from tests.unit.engine.random_models.steps import COPIES, state_keys

if TYPE_CHECKING:
    from tests.unit.engine.random_models.build import Built


@dataclass
class Expected:
    """One tensor.

    Parameters
    ----------
    values
        None where the loss does not depend on it.
    handed
        For a state that the cell returns as a copy: dL by that copy alone, which is right only
        where a note says so.
    mask
        Which timesteps count.
    """

    values: np.ndarray | None
    handed: np.ndarray | None = None
    mask: np.ndarray | None = None


Key = tuple[str, str]


def expected(built: Built, unrolled: Unrolled) -> dict[Key, Expected]:
    """List every tensor that the engine may hand over for the model's recurrent layers."""
    found: dict[Key, Expected] = {}
    for i, rnn in enumerate(built.spec.rnns):
        path = f"rnn{i}/layer" if rnn.wrapper == "distributed" else f"rnn{i}"
        found |= _Layer(unrolled, rnn, path).all()
        if rnn.initial == "encoder":
            alone = Rnn(rnn.kind, rnn.units, sequences=False)
            found |= _Layer(unrolled, alone, f"encoder{i}").all()
    return found


class _Layer:
    def __init__(self, unrolled: Unrolled, rnn: Rnn, path: str) -> None:
        self._unrolled, self._rnn, self._path = unrolled, rnn, path
        self._directions = ("forward", "backward") if rnn.bidirectional else ("",)
        first = rnn.cells
        self._cells = (first, Rnn(rnn.backward).cells if rnn.backward else first)

    def all(self) -> dict[Key, Expected]:
        found: dict[Key, Expected] = {}
        calls = len(self._unrolled.masks[self._path])
        if self._rnn.wrapper == "distributed":
            each = [self._call(call) for call in range(calls)]
            for key, one in each[0].items():
                found[self._path + key[0], key[1]] = _as_samples([e[key] for e in each], one)
        elif calls > 1 and self._one_timestep():
            # A layer that is called with one timestep each time has one tensor over its calls.
            each = [self._call(call) for call in range(calls)]
            for key in each[0]:
                first = key[1] == "initial_state_gradient"
                one = each[0][key] if first else _over_calls([e[key] for e in each])
                found[self._path + key[0], key[1]] = one
        else:
            for call in range(calls):
                name = self._path if calls == 1 else f"{self._path}[{call}]"
                for (label, quantity), one in self._call(call).items():
                    found[name + label, quantity] = one
        return found | self._weights()

    def _one_timestep(self) -> bool:
        inputs = [s[0] for p, s in self._unrolled.seen.items() if p.name == "input"
                  and p.layer == self._path]  # fmt: skip
        return all(x.shape[1] == 1 for x in inputs)

    def _call(self, call: int) -> dict[Key, Expected]:
        """Key by what follows the layer's path."""
        at = Place(self._path, call)
        mask = self._unrolled.masks[self._path][call]
        found: dict[Key, Expected] = {}
        halves = [replace(at, name=f"output/{j}") for j in range(2)]
        own = mask if self._rnn.sequences and mask is not None else None
        own = own[:, ::-1] if own is not None and self._rnn.go_backwards else own
        each = (self._seen, self._gradient)
        if self._rnn.wrapper == "stepped":
            each = (self._values, self._times)
        for word, source in zip(("output", "output_gradient"), each, strict=True):
            parts = [source(half) for half in halves if half in self._unrolled.seen]
            found["", word] = Expected(_join(parts), mask=own)
        name = replace(at, name="input")
        found["", "input_gradient"] = Expected(self._gradient(name), mask=mask)
        found |= self._states(at, mask)
        for word, get in (("gate_gradient", self._times), ("gate", self._values)):
            names = [["gates", "gates/0", "gates/1"] if word == "gate_gradient" else ["gate"]] * 2
            for j, cell in enumerate(self._cells[0]):
                label = f"/{j}" if len(self._cells[0]) > 1 else ""
                parts = [
                    get(replace(at, direction=d, cell=j, name=n))
                    for d, own in zip(self._directions, names, strict=False)
                    for n in own
                    if replace(at, direction=d, cell=j, name=n) in self._unrolled.seen
                ]
                if parts and cell.endswith("Cell"):
                    values = _join(parts)
                    if mask is not None and values is not None:
                        values = values * mask[..., None]  # no gates where nothing is computed
                    found[label, word] = Expected(values, mask=mask)
        return found

    def _states(self, at: Place, mask: Any) -> dict[Key, Expected]:
        found: dict[Key, Expected] = {}
        for j in range(len(self._cells[0])):
            keys = [state_keys(cells[j]) for cells in self._cells[: len(self._directions)]]
            common = [key for key in keys[0] if all(key in own for own in keys)]
            for role, own in common:
                k = keys[0].index((role, own))
                label = "/".join(filter(None, (str(j) * (len(self._cells[0]) > 1), own)))
                label = f"/{label}" if label else ""
                places = [replace(at, direction=d, cell=j) for d in self._directions]
                found[label, f"{role}_gradient"] = self._state_gradient(places, k, mask)
                values = [self._state_values(replace(p, name=f"value/{k}")) for p in places]
                found[label, f"{role}_state"] = Expected(_join(values), mask=mask)
                several = [other for _, other in common].count(own) > 1
                first = [self._gradient(replace(p, name=f"initial/{k}")) for p in places]
                found[label + f"/{role}" * several, "initial_state_gradient"] = Expected(
                    _join(first)
                )
        return found

    def _state_gradient(self, places: list[Place], k: int, mask: Any) -> Expected:
        made, handed = [], []
        for place in places:
            parts = [replace(place, name=f"state/{k}{part}") for part in ("", "/0", "/1")]
            made.append(_join([self._times(p) for p in parts if p in self._unrolled.seen]))
            copy = replace(place, name=f"handed/{k}")
            handed.append(self._times(copy) if copy in self._unrolled.seen else None)
        copied = {cell for cells in self._cells for cell in cells} & {*COPIES}
        return Expected(_join(made), _join(handed) if copied else None, mask)

    def _seen(self, place: Place) -> Any:
        return self._unrolled.seen[place][0].numpy()

    def _gradient(self, place: Place) -> Any:
        found = self._unrolled.gradients[place][0]
        return None if found is None else found.numpy()

    def _times(self, place: Place) -> Any:
        return self._over_time(place, self._unrolled.gradients[place])

    def _values(self, place: Place) -> Any:
        return self._over_time(place, self._unrolled.seen[place])

    def _state_values(self, place: Place) -> Any:
        found = self._unrolled.values[place]
        return np.stack([found[t].numpy() for t in sorted(found)], 1)

    def _over_time(self, place: Place, found: dict[int, Any]) -> Any:
        if all(found[t] is None for t in found):
            return None
        like = self._unrolled.seen[place]
        each = [
            np.zeros(like[t].shape) if found[t] is None else found[t].numpy() for t in sorted(found)
        ]
        return np.stack(each, 1)

    def _weights(self) -> dict[Key, Expected]:
        found: dict[Key, Expected] = {}
        for place in self._unrolled.seen:
            if place.layer != self._path or not place.name.startswith("weight/"):
                continue
            cells = self._cells[place.direction == "backward"]
            parts = (self._path, place.direction, str(place.cell) * (len(cells) > 1))
            path = "/".join([*filter(None, parts), place.name.removeprefix("weight/")])
            # A tensor has an axis.
            found[path, "weight"] = Expected(np.atleast_1d(self._seen(place)))
            found[path, "weight_gradient"] = Expected(self._gradient(place))
        return found


def _join(parts: list[Any]) -> Any:
    """Put halves beside each other; what the loss does not depend on is zero beside another."""
    if all(part is None for part in parts):
        return None
    like = next(part for part in parts if part is not None)
    filled = [np.zeros_like(like) if part is None else part for part in parts]
    return np.concatenate(filled, -1)


def _over_calls(calls: list[Expected]) -> Expected:
    if all(call.values is None for call in calls):
        return calls[0]
    like = next(call.values for call in calls if call.values is not None)
    parts = [np.zeros_like(like) if call.values is None else call.values for call in calls]
    parts = [part if part.ndim > 2 else part[:, None] for part in parts]
    handed = [call.handed for call in calls]
    masks = [call.mask for call in calls]
    return Expected(
        np.concatenate(parts, 1),
        None if any(h is None for h in handed) else np.concatenate(handed, 1),
        None if any(m is None for m in masks) else np.concatenate(masks, 1),
    )


def _as_samples(calls: list[Expected], one: Expected) -> Expected:
    values = [call.values for call in calls]
    if one.values is None:
        return one
    joined = np.stack(values, 1)
    return Expected(joined.reshape(-1, *joined.shape[2:]), None, None)
