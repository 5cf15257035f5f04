"""Nudges inside of a layer's loop over time.

The loop is the layer's own, unrolled, eager or traced; while it runs, other calls stand in for
those of its cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.checking.by_hand import step_by_hand
from rnngrad_widgets.engine.checking.nudges import CannotNudge, Nudges, Site
from rnngrad_widgets.engine.checking.origins import NoOrigin, Origin
from rnngrad_widgets.engine.checking.replay import CannotReplay
from rnngrad_widgets.engine.checking.timestep_counter import StackPositions, TimestepCounter
from rnngrad_widgets.engine.checking.traced_step import TracedStep
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.keras_api.shadowing import only_in_this_thread
from rnngrad_widgets.engine.layers.cells import StateKey, cells_of, gates_of, is_cell, state_keys
from rnngrad_widgets.engine.layers.find import LayerMatch


class NudgedSteps:
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
        self, target: LayerMatch, rnn: Layer, kind: str, direction: int, nudges: Nudges
    ) -> None:
        self.rnn = rnn
        self.site = Site(target.info.path, kind, -1, direction)
        """Layer, kind and direction of all nudges, and the call that is being computed."""
        self.active = False
        """Whether the layer is being called."""
        self._nudges = nudges
        # For each cell, something nested as its states are, and why nothing is nudged in it.
        self._states: dict[int, Nested] = {}
        self._reasons: dict[int, str] = {}
        # For each cell and state, why that state is not nudged.
        self._unmoved: dict[tuple[int, int], str] = {}
        self._origins: dict[tuple[object, ...], dict[int, Origin]] = {}
        self._counter = TimestepCounter(rnn)
        self._positions = StackPositions(rnn)

    def keys(self) -> dict[StateKey, tuple[int, int]]:
        """Return the names of all states: for each its cell, and its place in that cell.

        They are in the order in which the loop is given them.
        """
        if len(self._states) < len(cells_of(self.rnn)):
            return {}  # they were not called
        several = len(cells_of(self.rnn)) > 1
        found = {}
        for position, cell in enumerate(cells_of(self.rnn)):
            (own,) = state_keys(cell, self._states[position])
            for place, key in enumerate(own):
                label = "/".join(filter(None, (str(position) if several else "", key.label)))
                found[StateKey(key.role, label)] = (position, place)
        return found

    def unmoved_reason(self, cell: int, part: int) -> str:
        """Return why a part of a cell is not nudged; empty if it is."""
        return self._reasons.get(cell) or self._unmoved.get((cell, part)) or ""

    def install(self) -> None:
        """Shadow the loop and the cells."""
        rnn, adapter = self.rnn, adapter_of(self.rnn)
        self.site = self.site._replace(call=-1)
        self._positions.restart()
        for cell in {id(cell): cell for cell in cells_of(rnn)}.values():
            adapter.shadow_call(cell, self._cell_call(cell))
        if is_cell(rnn):
            return
        for name in ("use_cudnn", "_could_use_gpu_kernel"):
            if name in rnn.__dict__:  # these loops do not call the cell
                rnn.__dict__[name] = False
        original = adapter.original_call(rnn)

        def call(*args: Nested, **kwargs: Nested) -> Nested:
            self.site = self.site._replace(call=self.site.call + 1)
            self._counter.begin_call([*args, *kwargs.values()][0])
            return original(*args, **kwargs)

        adapter.shadow_call(rnn, call)
        self._install_start()

    def _install_start(self) -> None:
        """Shadow what begins the loop, and hands the initial states to it."""
        rnn = self.rnn
        name = "inner_loop" if hasattr(rnn, "inner_loop") else "_process_inputs"  # of Keras 2
        own = getattr(rnn, name)

        def loop(sequences: Nested, initial_state: Nested, *args: Nested, **more: Nested) -> Nested:
            return own(sequences, self._begin_loop(initial_state), *args, **more)

        def process(*args: Nested) -> Nested:
            inputs, initial_state, constants = own(*args)
            return inputs, self._begin_loop(initial_state), constants

        rnn.__dict__[name] = only_in_this_thread(loop if name == "inner_loop" else process, own)

    def _begin_loop(self, states: Nested) -> Nested:
        """Count the steps from here on; return the states that the first one gets."""
        self._positions.restart()
        self._counter.begin_loop()
        return self._nudge_initial(states) if self.site.kind == "state" else states

    def _nudge_initial(self, states: Nested, first: int = 0) -> Nested:
        """Add nudges to the states that the first step gets, of which `first` is the number."""
        if not self.active:
            return states
        site = self._site._replace(kind="initial")
        flat = [
            self._nudges.added(site._replace(part=first + part), tf.convert_to_tensor(state))
            for part, state in enumerate(keras.tree.flatten(states))
        ]
        return keras.tree.pack_sequence_as(states, flat)

    @property
    def _site(self) -> Site:
        return self.site._replace(call=max(self.site.call, 0))

    def _cell_call(self, cell: Layer) -> Callable[..., Nested]:
        original = adapter_of(cell).original_call(cell)
        alone = is_cell(self.rnn)

        def call(inputs: Nested, states: Nested, *args: Nested, **kwargs: Nested) -> Nested:
            position = self._positions.next(cell)
            self._states.setdefault(position, states)
            if not self.active or position in self._reasons:
                return original(inputs, states, *args, **kwargs)
            if alone:
                self.site = self.site._replace(call=self.site.call + (position == 0))
                before = sum(len(keras.tree.flatten(self._states[p])) for p in range(position))
                states = self._nudge_initial(states, before)
            timestep = self._counter.timestep(position)
            if timestep is None:
                return original(inputs, states, *args, **kwargs)

            def nudge(part: int, like: Tensor) -> Tensor:
                return self._nudge(position, part, like, timestep)

            try:
                if self.site.kind == "gate":
                    return self._nudge_gates(cell, inputs, states, nudge)
                step = TracedStep(original, (inputs, states, *args), kwargs)
                return step.run(self._known_origins(position, step), nudge)
            except Exception as error:  # noqa: BLE001 - foreign code, run in another way
                self._reasons[position] = _first_line(error)
                return original(inputs, states, *args, **kwargs)

        return call

    def _nudge(self, position: int, part: int, like: Tensor, timestep: Tensor | int) -> Tensor:
        site = self._site._replace(cell=position, part=part)
        shape = (self._counter.timesteps, *like.shape)
        return tf.gather(self._nudges.at(site, shape, like.dtype), timestep)

    def _known_origins(self, position: int, step: TracedStep) -> Mapping[int, Origin]:
        key = (position, step.fingerprint)
        if key not in self._origins:
            found = step.origins()
            for place, origin in found.items():
                if isinstance(origin, NoOrigin):
                    self._unmoved[position, place] = str(origin)
            self._origins[key] = {
                place: origin for place, origin in found.items() if isinstance(origin, Origin)
            }
        return self._origins[key]

    def _nudge_gates(
        self, cell: Layer, inputs: Tensor, states: Nested, nudge: Callable[[int, Tensor], Tensor]
    ) -> tuple[Tensor, Nested]:
        if gates_of(cell) is None:
            raise CannotReplay("its gates are not known")
        return step_by_hand(cell, inputs, states, lambda value: value + nudge(0, value))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    first = lines[0] if lines else ""
    known = isinstance(error, (CannotReplay, CannotNudge))
    return first if known else f"{type(error).__name__}: {first}"
