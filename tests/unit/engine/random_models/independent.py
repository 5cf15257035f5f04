"""A model's loss by hand: eager TensorFlow in double precision, watched by a tape.

Of the Keras model only weights, settings, states and seeds are used, never its forward pass. All
that is asked for goes through `Unrolled.tap` and can be found again by its place.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tests.unit.engine.random_models.spec import L2, MERGES, Rnn
from tests.unit.engine.random_models.steps import STEPS, Take

if TYPE_CHECKING:
    from tests.unit.engine.random_models.build import Built


@dataclass(frozen=True)
class Place:
    """Where a value is: the call of a layer, the direction, the cell, and its name there."""

    layer: str
    call: int = 0
    direction: str = ""
    cell: int = 0
    name: str = ""


class Unrolled:
    """The loss of a model, computed as soon as this is made.

    Parameters
    ----------
    built
        The model and its batch.
    saved
        What variables held before the pass, by id, where they changed since.
    """

    def __init__(self, built: Built, saved: dict[int, np.ndarray]) -> None:
        self.built = built
        self._saved = saved
        self._weights: dict[int, Any] = {}
        self._counts: dict[int, float] = {}
        self._seeds: dict[int, Any] = {}
        self._states: dict[int, list[list[Any]]] = {}
        self.masks: dict[str, list[Any]] = defaultdict(list)
        self.seen: dict[Place, dict[int, Any]] = defaultdict(dict)
        # States as they are after masking, which no gradient is asked of.
        self.values: dict[Place, dict[int, Any]] = defaultdict(dict)
        self.crossed = False
        # Whether a value went through a variable, which cuts the gradient.
        with tf.GradientTape(watch_accessed_variables=False) as self._tape:
            self.loss = self._loss()
        flat = [(place, t, v) for place, seen in self.seen.items() for t, v in seen.items()]
        found = self._tape.gradient(self.loss, [v for _, _, v in flat])
        self.gradients: dict[Place, dict[int, Any]] = defaultdict(dict)
        for (place, t, _), gradient in zip(flat, found, strict=True):
            # That of an embedding's table holds the rows that were looked up.
            self.gradients[place][t] = (
                gradient if gradient is None else tf.convert_to_tensor(gradient)
            )

    def tap(self, place: Place, t: int, value: Any) -> Any:
        """Watch a value."""
        watched = tf.identity(value)
        self._tape.watch(watched)
        self.seen[place][t] = watched
        return watched

    def value(self, variable: Any) -> np.ndarray:
        """Return what a variable held before the pass."""
        found = self._saved.get(id(variable))
        return np.asarray(variable) if found is None else found

    def weight(self, variable: Any, place: Place) -> Any:
        """Watch a weight, the same tensor wherever it is used."""
        if id(variable) not in self._weights:
            value = tf.constant(self.value(variable), tf.float64)
            self._weights[id(variable)] = self.tap(place, 0, value)
        return self._weights[id(variable)]

    def _loss(self) -> Any:
        spec, parts, data = self.built.spec, self.built.parts, self.built.data
        mask = None
        if spec.front == "embedding":
            tokens = data["x"]
            (table,) = parts["embedding"].weights
            h = tf.gather(self.weight(table, Place("embedding")), tokens)
            mask = tokens != 0
        else:
            h = self.tap(Place("x"), 0, tf.constant(data["x"], tf.float64))
        if spec.front == "masking":
            mask = np.any(data["x"] != 0, axis=-1)
            h = h * mask[..., None]
        for i, rnn in enumerate(spec.rnns):
            h, mask = self._layer(rnn, i, h, data["mask"] if i == 0 and "mask" in data else mask)
        if spec.last and spec.sequences:
            h, mask = h[:, -1], None
        kernel, bias = (self.weight(w, Place("head", name=w.name)) for w in parts["head"].weights)
        errors = tf.reduce_mean((h @ kernel + bias - self.built.y) ** 2, -1)
        weight = np.ones(errors.shape)
        if self.built.sample_weight is not None:
            weight = weight * self.built.sample_weight
        if mask is not None:
            weight = weight * mask * mask.size / max(mask.sum(), 1)
        return tf.reduce_mean(errors * weight) + self._regularisation()

    def _regularisation(self) -> Any:
        total = tf.constant(0.0, tf.float64)
        for variable in self.built.model.trainable_variables:
            if getattr(variable, "regularizer", None) is not None:
                total += L2 * tf.reduce_sum(self.weight(variable, Place("")) ** 2)
        return total

    def _layer(self, rnn: Rnn, i: int, h: Any, mask: Any) -> tuple[Any, Any]:
        name, parts = f"rnn{i}", self.built.parts
        layer, place = parts[name], Place(name)
        first = self._first(rnn, i, h, mask)
        if rnn.wrapper == "distributed":
            # Each step is a call, with dropout masks of its own.
            calls = [
                self._call(layer.layer, replace(place, layer=f"{name}/layer", call=s), h[:, s])
                for s in range(h.shape[1])
            ]
            return tf.stack(calls, 1), None
        if rnn.wrapper == "stepped":
            return self._call(layer, place, h), None
        if rnn.wrapper == "twice":
            once = self._call(layer, place, h, mask, first)
            again = self._call(layer, replace(place, call=1), 0.5 * h, mask, first)
            return once + again, None
        if rnn.wrapper == "chunks":
            cut = h.shape[1] // 2
            once = self._call(layer, place, h[:, :cut])
            again = self._call(layer, replace(place, call=1), h[:, cut:])
            return (tf.concat([once, again], 1) if rnn.sequences else once + again), None
        # A mask that comes with the sequence does not reach a layer that is given initial states.
        own = None if first and not (i == 0 and "mask" in self.built.data) else mask
        returned = self._call(layer, place, h, own, first)
        return returned, mask if rnn.sequences else None

    def _first(self, rnn: Rnn, i: int, h: Any, mask: Any) -> list[Any] | None:
        built = self.built
        if rnn.initial == "given":
            names = [name for name in built.data if name.startswith(f"first{i}_")]
            return [
                self.tap(Place(name), 0, tf.constant(built.data[name], tf.float64))
                for name in names
            ]
        if rnn.initial == "learned":
            ones = tf.ones((h.shape[0], 1), tf.float64)
            return [
                ones * self.weight(variable, Place(f"learned{i}", cell=j))
                for j, variable in enumerate(built.parts[f"learned{i}"].weights)
            ]
        if rnn.initial == "encoder":
            mask = None if i == 0 and "mask" in built.data else mask  # it is not handed that one
            encoder, place = built.parts[f"encoder{i}"], Place(f"encoder{i}")
            output, states = self._run(encoder, place, self._enter(place, h, mask), mask)
            self.tap(replace(place, name="output/0"), 0, output)
            return states[0]
        return None

    def _enter(self, place: Place, x: Any, mask: Any) -> Any:
        self.masks[place.layer].append(mask)
        return self.tap(replace(place, name="input"), 0, x)

    def _call(self, layer: Any, place: Place, x: Any, mask: Any = None, first: Any = None) -> Any:
        """Call a recurrent layer once, and tap what goes in and out."""
        x = self._enter(place, x, mask)
        if not isinstance(layer, keras.layers.Bidirectional):
            output, _ = self._run(layer, place, x, mask, first)
            stepped = not isinstance(layer, keras.layers.RNN)
            # A cell returns an output in each timestep: they are tapped there.
            return output if stepped else self.tap(replace(place, name="output/0"), 0, output)
        halves = []
        for j, direction in enumerate(("forward", "backward")):
            half = getattr(layer, f"{direction}_layer")
            own = first[j * len(first) // 2 :][: len(first) // 2] if first else None
            output, _ = self._run(half, replace(place, direction=direction), x, mask, own)
            halves.append(output)
        a, b = halves
        b = b[:, ::-1] if layer.return_sequences else b
        if layer.merge_mode is None:
            halves = [
                self.tap(replace(place, name=f"output/{j}"), 0, h) for j, h in enumerate((a, b))
            ]
            return tf.concat(halves, -1)
        merged = dict(
            zip(MERGES, (partial(tf.concat, [a, b], -1), lambda: a + b, lambda: (a + b) / 2,
                         lambda: a * b), strict=False)
        )  # fmt: skip
        return self.tap(replace(place, name="output/0"), 0, merged[layer.merge_mode]())

    def _run(self, rnn: Any, place: Place, x: Any, mask: Any, first: Any = None) -> Any:
        """Run the loop of one direction; return the output and the last states of each cell."""
        stepped = not isinstance(rnn, keras.layers.RNN)
        cell = rnn if stepped else rnn.cell
        cells = getattr(cell, "cells", [cell])
        unroll = stepped or rnn.unroll
        states = [first] if first else self._start(rnn, cells, x.shape[0])
        for j, own in enumerate(states):
            at = replace(place, cell=j)
            states[j] = [
                self.tap(replace(at, name=f"initial/{k}"), 0, s) for k, s in enumerate(own)
            ]
        takes = [
            self._taker(cell, replace(place, cell=j), width)
            for j, (cell, width) in enumerate(
                zip(cells, [x.shape[-1], *(c.output_size for c in cells)], strict=False)
            )
        ]
        if not unroll:  # Keras asks for one step more, before the loop, and throws it away
            self._step(cells, takes, -1, x[:, 0], states)
        back = not stepped and rnn.go_backwards
        zero_output = not stepped and rnn.zero_output_for_mask and not unroll
        outputs, previous = [], tf.zeros((x.shape[0], cells[-1].output_size), tf.float64)
        zeros = previous
        for t in reversed(range(x.shape[1])) if back else range(x.shape[1]):
            output, new = self._step(cells, takes, t, x[:, t], states)
            if mask is not None:
                keep = tf.constant(mask[:, t, None])
                output = tf.where(keep, output, zeros if zero_output else previous)
                new = [
                    [tf.where(keep, n, o) for n, o in zip(after, before, strict=True)]
                    for after, before in zip(new, states, strict=True)
                ]
            if stepped:
                output = self.tap(replace(place, name="output/0"), t, output)
            states, previous = new, output
            for j, own in enumerate(states):
                for k, state in enumerate(own):
                    self.values[replace(place, cell=j, name=f"value/{k}")][t] = state
            outputs.append(output)
        if mask is not None and unroll and not stepped and rnn.zero_output_for_mask:
            # As Keras does it: by the mask in input order, also where the outputs are reversed.
            outputs = [o * mask[:, j, None] for j, o in enumerate(outputs)]
            previous = previous * mask[:, 0 if back else -1, None]
        if not stepped and rnn.stateful:
            self._states[id(rnn)] = [[tf.stop_gradient(s) for s in own] for own in states]
            self.crossed |= place.call > 0
        sequences = self._sequences(place) if stepped else rnn.return_sequences
        return (tf.stack(outputs, 1) if sequences else previous), states

    def _sequences(self, place: Place) -> bool:
        return self.built.spec.rnns[int(place.layer[3:])].sequences

    def _start(self, rnn: Any, cells: list[Any], samples: int) -> list[list[Any]]:
        if id(rnn) in self._states:
            return list(self._states[id(rnn)])
        if getattr(rnn, "stateful", False) and rnn.states is not None:
            values = iter(keras.tree.flatten(rnn.states))
            held = [tf.constant(self.value(v), tf.float64) for v in values]
        else:
            made = [cell.get_initial_state(batch_size=samples) if hasattr(cell, "get_initial_state")
                    else [np.zeros((samples, cell.state_size))] for cell in cells]  # fmt: skip
            held = [tf.zeros(s.shape, tf.float64) for s in keras.tree.flatten(made)]
        return [[held.pop(0) for _ in range(_count(cell))] for cell in cells]

    def _step(self, cells: list[Any], takes: list[Any], t: int, x: Any, states: Any) -> Any:
        new = []
        for cell, take, own in zip(cells, takes, states, strict=True):
            x, after = STEPS[type(cell).__name__](take(t), x, own)
            new.append(after)
        return x, new

    def _taker(self, cell: Any, place: Place, width: int) -> Any:
        variables = {w.name: w for w in cell.weights}
        weights = {
            name: self.weight(w, replace(place, call=0, name=f"weight/{name}"))
            for name, w in variables.items()
        }
        if hasattr(cell, "reset_after"):
            weights["reset_after"] = cell.reset_after
        samples = self.built.spec.samples
        dropped = self._draw(cell, "dropout", (samples, width))
        again = self._draw(cell, "recurrent_dropout", (samples, getattr(cell, "units", 0)))

        def drawn(x: Any) -> Any:
            if not self.built.spec.training:
                return 1.0
            return self._drop(cell.drop.seed_generator, cell, x.shape, cell.drop.rate)

        def take(t: int) -> Take:
            if "count" in variables:
                key = id(cell)
                start = self._counts.get(key, float(self.value(variables["count"])))
                self._counts[key] = start + 1
            count = self._counts.get(id(cell), 0.0)

            def tap(name: str, value: Any) -> Any:
                return value if t < 0 else self.tap(replace(place, name=name), t, value)

            return Take(weights, tap, dropped, again, drawn, count)

        return take

    def _draw(self, cell: Any, name: str, shape: tuple[int, int]) -> list[Any]:
        rate = getattr(cell, name, 0.0)
        if not rate:
            return []
        count = getattr(cell, "dropout_mask_count", None) or 1
        masks = [self._drop(cell.seed_generator, cell, shape, rate) for _ in range(count)]
        return masks if self.built.spec.training else []

    def _drop(self, seeds: Any, cell: Any, shape: Any, rate: float) -> Any:
        """Draw as Keras would from the seed generator's state, and leave that alone."""
        if id(seeds) not in self._seeds:
            copy = keras.random.SeedGenerator(0)
            copy.state.assign(self.value(seeds.state))
            self._seeds[id(seeds)] = copy
        ones = tf.ones(shape, cell.compute_dtype)
        return tf.cast(keras.random.dropout(ones, rate, seed=self._seeds[id(seeds)]), tf.float64)


def _count(cell: Any) -> int:
    return 2 if type(cell).__name__ in ("LSTMCell", "Peephole", "Nested") else 1
