"""Where nudges are added: to what a layer returns and is given, and inside its loop over time.

The loop is the layer's own; only the call of its cell is another one while it runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, current_graph, keras, tf
from rnngrad_widgets.engine.calls import LayerCall
from rnngrad_widgets.engine.cells import StateKey, cells_of, gates_of, is_cell, state_keys
from rnngrad_widgets.engine.layers import Found, directions
from rnngrad_widgets.engine.library import library_of
from rnngrad_widgets.engine.repeats import CallDepth, Repeats, around

from .by_hand import step_by_hand
from .nudges import Nudges, Site, own_variable
from .origins import NoOrigin, Origin
from .replay import CannotReplay
from .traced_step import TracedStep


class NudgedLayer:
    """A layer whose calls add nudges.

    Parameters
    ----------
    target
        The layer.
    kind
        ``"outside"`` for its outputs and inputs, ``"state"`` or ``"gate"`` for what is inside.
    nudges
        The nudges.
    """

    def __init__(self, target: Found, kind: str, nudges: Nudges) -> None:
        self.target = target
        self.calls: list[LayerCall] = []
        """The calls of the layer, in order; they tell which belong together."""
        self.steps: list[Steps] = []
        """For each direction, what is inside; none for ``"outside"``."""
        self._kind = kind
        self._nudges = nudges
        rnns = directions(target.layer) if kind != "outside" else ()
        for direction, rnn in enumerate(rnns):
            self.steps.append(Steps(target, rnn, kind, direction, nudges))

    def install(self) -> None:
        """Shadow the layer's calls; use inside `Library.untouched`."""
        layer, library = self.target.layer, library_of(self.target.layer)
        self.calls.clear()
        for steps in self.steps:
            steps.install()
        repeats, original = Repeats(self.target), library.original(layer)
        signature, cell = inspect.signature(layer.call), is_cell(layer)
        inside = CallDepth()
        for owner in self.target.owners:
            around(owner, inside.entered)

        def call(*args: Nested, **kwargs: Nested) -> Nested:
            if inside.depth:
                return original(*args, **kwargs)
            bound = signature.bind(*args, **kwargs)
            first = next(iter(bound.arguments))
            given = bound.arguments[first]
            # In Keras 2 initial states may come in a list with the sequence.
            sequence, *more = given if isinstance(given, list) else [given]
            shape = keras.tree.flatten(sequence)[0].shape
            if self._kind == "outside":
                sequence = self._added("input", sequence)
                bound.arguments[first] = [sequence, *more] if isinstance(given, list) else sequence
            for steps in self.steps:
                steps.active = True
            try:
                returned = original(*bound.args, **bound.kwargs)
            finally:
                for steps in self.steps:
                    steps.active = False
            if self._kind == "outside":
                returned = self._outputs_added(returned)
            timesteps = 1 if cell else shape[1]
            self.calls.append(LayerCall((), (), None, (), timesteps, repeat=repeats.next()))
            return returned

        library.shadow(layer, call)

    def _added(self, kind: str, nested: Nested) -> Nested:
        flat = [
            self._nudges.added(self._site(kind, part), tensor)
            for part, tensor in enumerate(keras.tree.flatten(nested))
        ]
        return keras.tree.pack_sequence_as(nested, flat)

    def _outputs_added(self, returned: Nested) -> Nested:
        layer = self.target.layer
        if not isinstance(returned, (list, tuple)):
            return self._added("output", returned)
        # The first is the output; states, or whatever a call of one's own returns, come after it.
        apart = getattr(layer, "merge_mode", "") is None
        with_states = getattr(layer, "return_state", False) or is_cell(layer)
        own = library_of(layer).is_own(type(layer).call)
        count = 2 if apart else 1 if with_states or not own else len(returned)
        moved = self._added("output", list(returned[:count]))
        return type(returned)([*moved, *returned[count:]])

    def _site(self, kind: str, part: int) -> Site:
        return Site(self.target.info.path, kind, len(self.calls), part=part)


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
        self._origins: dict[tuple[object, ...], dict[int, Origin]] = {}
        # How many steps a traced loop has taken: of each cell, as it runs.
        self._counters: dict[int, Any] = {}

    def keys(self) -> dict[StateKey, tuple[int, int]]:
        """Name the states of all cells: for each the place of the cell, and that of the state."""
        several = len(cells_of(self.rnn)) > 1
        found = {}
        for position, cell in enumerate(cells_of(self.rnn)):
            (own,) = state_keys(cell, self.states[position])
            for place, key in enumerate(own):
                label = "/".join(filter(None, (str(position) if several else "", key.label)))
                found[StateKey(key.role, label)] = (position, place)
        return found

    def install(self) -> None:
        """Shadow the loop and the cells."""
        rnn, library = self.rnn, library_of(self.rnn)
        self._call = -1
        for position, cell in enumerate(cells_of(rnn)):
            library.shadow(cell, self._cell_call(position, cell))
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

    def _begin(self, sequences: Nested) -> None:
        self._call += 1
        self._graph = current_graph()
        self._timesteps = keras.tree.flatten(sequences)[0].shape[1]
        for position in range(len(cells_of(self.rnn))):
            # Keras takes a step before the loop, to see the output's shape.
            self._taken[position] = 0 if self.rnn.unroll else -1
            if position not in self._counters:
                with tf.init_scope():
                    self._counters[position] = own_variable(tf.constant(0))
            self._counters[position].assign(0)

    def _cell_call(self, position: int, cell: Layer) -> Callable[..., Nested]:
        original = library_of(cell).original(cell)

        def call(inputs: Nested, states: Nested, *args: Nested, **kwargs: Nested) -> Nested:
            self.states.setdefault(position, states)
            if not self.active or position in self.reasons:
                return original(inputs, states, *args, **kwargs)
            if self._alone and position == 0:
                self._call += 1
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
        """Return which timestep is being computed; None for the step before the loop."""
        if self._alone:
            return 0
        last = (self._timesteps or 0) - 1
        if current_graph() is self._graph:  # unrolled or eager, or that first step
            taken = self._taken[position]
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
    return first if isinstance(error, CannotReplay) else f"{type(error).__name__}: {first}"
