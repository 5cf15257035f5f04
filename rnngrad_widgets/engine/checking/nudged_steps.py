"""Nudges inside of a layer's loop over time.

The loop is the layer's own, unrolled, eager or traced; while it runs, other calls stand in for
those of its cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import cycle
from typing import Any

from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, current_graph, keras, tf
from rnngrad_widgets.engine.checking.by_hand import step_by_hand
from rnngrad_widgets.engine.checking.nudges import CannotNudge, Nudges, Site, own_variable
from rnngrad_widgets.engine.checking.origins import NoOrigin, Origin
from rnngrad_widgets.engine.checking.replay import CannotReplay
from rnngrad_widgets.engine.checking.traced_step import TracedStep
from rnngrad_widgets.engine.keras_api.select import library_of
from rnngrad_widgets.engine.keras_api.shadowing import only_in_this_thread
from rnngrad_widgets.engine.layers.cells import StateKey, cells_of, gates_of, is_cell, state_keys
from rnngrad_widgets.engine.layers.find import Found


class Steps:
    """The timesteps of one direction of a layer, or of a cell that the model calls itself.

    Parameters
    ----------
    target, kind, nudges
        As in `NudgedLayer`.
    rnn
        The layer that loops, or the cell.
    direction
        Which of the directions it is.
    """

    def __init__(
        self, target: Found, rnn: Layer, kind: str, direction: int, nudges: Nudges
    ) -> None:
        self.active = False
        """Whether the layer is being called."""
        self.states: dict[int, Nested] = {}
        """For each cell, something nested as its states are."""
        self.reasons: dict[int, str] = {}
        """For each cell, why nothing is nudged in it."""
        self.unmoved: dict[tuple[int, int], str] = {}
        """For each cell and state, why that state is not nudged."""
        self.path = target.info.path
        self.rnn = rnn
        self._kind = kind
        self.direction = direction
        self._nudges = nudges
        self._alone = is_cell(rnn)
        self._call = -1
        self._timesteps: int | None = None
        self._graph: object = None
        self._taken: dict[int, int] = {}
        # The places in the stack that each cell has, one after the other.
        self._turns: dict[int, Iterator[int]] = {}
        self._origins: dict[tuple[object, ...], dict[int, Origin]] = {}
        # How many steps a traced loop has taken: of each cell, as it runs.
        self._counters: dict[int, Any] = {}

    def keys(self) -> dict[StateKey, tuple[int, int]]:
        """Name the states of all cells: for each the place of the cell, and that of the state.

        They are in the order in which the loop is given them.
        """
        if len(self.states) < len(cells_of(self.rnn)):
            return {}  # they were not called
        several = len(cells_of(self.rnn)) > 1
        found = {}
        for position, cell in enumerate(cells_of(self.rnn)):
            (own,) = state_keys(cell, self.states[position])
            for place, key in enumerate(own):
                label = "/".join(filter(None, (str(position) if several else "", key.label)))
                found[StateKey(key.role, label)] = (position, place)
        return found

    def why_not(self, cell: int, part: int) -> str:
        """Say why a part of a cell is not nudged; empty if it is."""
        return self.reasons.get(cell) or self.unmoved.get((cell, part)) or ""

    def install(self) -> None:
        """Shadow the loop and the cells."""
        rnn, library = self.rnn, library_of(self.rnn)
        self._call = -1
        self._restart()
        for cell in {id(cell): cell for cell in cells_of(rnn)}.values():
            library.shadow(cell, self._cell_call(cell))
        if self._alone:
            return
        for name in ("use_cudnn", "_could_use_gpu_kernel"):
            if name in rnn.__dict__:  # these loops do not call the cell
                rnn.__dict__[name] = False
        original = library.original(rnn)

        def call(*args: Nested, **kwargs: Nested) -> Nested:
            self._begin([*args, *kwargs.values()][0])
            return original(*args, **kwargs)

        library.shadow(rnn, call)
        self._install_start()

    def _install_start(self) -> None:
        """Shadow what begins the loop, and hands the initial states to it."""
        rnn = self.rnn
        name = "inner_loop" if hasattr(rnn, "inner_loop") else "_process_inputs"  # of Keras 2
        own = getattr(rnn, name)

        def loop(sequences: Nested, initial_state: Nested, *args: Nested, **more: Nested) -> Nested:
            return own(sequences, self._loop_begins(initial_state), *args, **more)

        def process(*args: Nested) -> Nested:
            inputs, initial_state, constants = own(*args)
            return inputs, self._loop_begins(initial_state), constants

        rnn.__dict__[name] = only_in_this_thread(loop if name == "inner_loop" else process, own)

    def _loop_begins(self, states: Nested) -> Nested:
        """Count the steps from here on; return the states that the first one gets."""
        self._restart()
        for position in range(len(cells_of(self.rnn))):
            # Keras takes a step before the loop, to see the output's shape.
            self._taken[position] = 0 if self.rnn.unroll else -1
        return self._started(states) if self._kind == "state" else states

    def _restart(self) -> None:
        """Let the next call of each cell be the one at its first place in the stack."""
        places: dict[int, list[int]] = {}
        for position, cell in enumerate(cells_of(self.rnn)):
            places.setdefault(id(cell), []).append(position)
        self._turns = {key: cycle(positions) for key, positions in places.items()}

    def _started(self, states: Nested, first: int = 0) -> Nested:
        """Add nudges to the states that the first step gets."""
        if not self.active:
            return states
        site = Site(self.path, "initial", max(self._call, 0), self.direction)
        flat = [
            self._nudges.added(site._replace(part=first + part), tf.convert_to_tensor(state))
            for part, state in enumerate(keras.tree.flatten(states))
        ]
        return keras.tree.pack_sequence_as(states, flat)

    def _begin(self, sequences: Nested) -> None:
        self._call += 1
        self._graph = current_graph()
        self._timesteps = keras.tree.flatten(sequences)[0].shape[1]
        self._taken.clear()
        for position in range(len(cells_of(self.rnn))):
            if position not in self._counters:
                with tf.init_scope():
                    self._counters[position] = own_variable(tf.constant(0))
            self._counters[position].assign(0)

    def _cell_call(self, cell: Layer) -> Callable[..., Nested]:
        original = library_of(cell).original(cell)

        def call(inputs: Nested, states: Nested, *args: Nested, **kwargs: Nested) -> Nested:
            position = next(self._turns[id(cell)])
            self.states.setdefault(position, states)
            if not self.active or position in self.reasons:
                return original(inputs, states, *args, **kwargs)
            if self._alone:
                self._call += position == 0
                before = sum(len(keras.tree.flatten(self.states[p])) for p in range(position))
                states = self._started(states, before)
            timestep = self._timestep(position)
            if timestep is None:
                return original(inputs, states, *args, **kwargs)

            def nudge(part: int, like: Tensor) -> Tensor:
                return self._nudge(position, part, like, timestep)

            try:
                if self._kind == "gate":
                    return self._gates_moved(cell, inputs, states, nudge)
                step = TracedStep(original, (inputs, states, *args), kwargs)
                return step.run(self._known_origins(position, step), nudge)
            except Exception as error:  # noqa: BLE001 - somebody's code, in another way
                self.reasons[position] = _told(error)
                return original(inputs, states, *args, **kwargs)

        return call

    def _timestep(self, position: int) -> Tensor | int | None:
        """Return which timestep is being computed; None for what is computed before the loop."""
        if self._alone:
            return 0
        last = (self._timesteps or 0) - 1
        if current_graph() is self._graph:  # unrolled or eager, or that first step
            # For a stack Keras calls its first cells before, to prepare the dropout of the others.
            taken = self._taken.get(position)
            if taken is None:
                return None
            self._taken[position] += 1
            if taken < 0:
                return None
        else:
            counter = self._counters[position]
            taken = tf.identity(counter.read_value())
            with tf.control_dependencies([taken]):
                counter.assign_add(1)
        return last - taken if self.rnn.go_backwards else taken

    def _nudge(self, position: int, part: int, like: Tensor, timestep: Tensor | int) -> Tensor:
        site = Site(self.path, self._kind, max(self._call, 0), self.direction, position, part)
        timesteps = 1 if self._alone else self._timesteps
        shape = (timesteps, *like.shape)
        return tf.gather(self._nudges.at(site, shape, like.dtype), timestep)

    def _known_origins(self, position: int, step: TracedStep) -> Mapping[int, Origin]:
        key = (position, step.fingerprint)
        if key not in self._origins:
            found = step.origins()
            for place, origin in found.items():
                if isinstance(origin, NoOrigin):
                    self.unmoved[position, place] = str(origin)
            self._origins[key] = {
                place: origin for place, origin in found.items() if isinstance(origin, Origin)
            }
        return self._origins[key]

    def _gates_moved(
        self, cell: Layer, inputs: Tensor, states: Nested, nudge: Callable[[int, Tensor], Tensor]
    ) -> tuple[Tensor, Nested]:
        gates = gates_of(cell)
        if gates is None:
            raise CannotReplay("its gates are not known")
        return step_by_hand(cell, inputs, states, lambda value: value + nudge(0, value))


def _told(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    first = lines[0] if lines else ""
    known = isinstance(error, (CannotReplay, CannotNudge))
    return first if known else f"{type(error).__name__}: {first}"
