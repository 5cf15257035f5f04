"""What a random model is, as a frozen value that prints as the line that makes it again."""

from __future__ import annotations

from dataclasses import dataclass, fields

OWN_KINDS = ("LSTM", "GRU", "SimpleRNN")
OWN_CELLS = ("LSTMCell", "GRUCell", "SimpleRNNCell")
MERGES = ("concat", "sum", "ave", "mul", "None")


L2 = 1 / 64
"""The factor of regularisation; Keras keeps it in single precision."""


class Readable:
    """Print only the settings that differ from the default."""

    def __repr__(self) -> str:
        given = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)  # type: ignore[arg-type]
            if getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join(given)})"


@dataclass(frozen=True, repr=False)
class Rnn(Readable):
    """One recurrent layer.

    Parameters
    ----------
    kind
        One of Keras' layers, or the cells of an ``RNN`` with commas between them.
    units
        Units of the first cell; each further one of a stack has one more.
    wrapper
        How the model uses the layer. A merge mode: in a Bidirectional. ``"distributed"``: in a
        TimeDistributed. ``"stepped"``: the cell in a Python loop. ``"twice"``: called twice.
        ``"chunks"``: called on the first and then on the second part of the sequence.
    backward
        The backward layer's kind, where it is another one.
    initial
        Where the initial states come from: ``""`` zeros or the layer's own, ``"given"`` an input,
        ``"learned"`` weights, ``"encoder"`` the last states of a layer of the same kind.
    """

    kind: str = "LSTM"
    units: int = 2
    sequences: bool = True
    wrapper: str = ""
    backward: str = ""
    initial: str = ""
    go_backwards: bool = False
    unroll: bool = False
    stateful: bool = False
    zero_output: bool = False
    bias: bool = True
    reset_after: bool = True
    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    regularised: bool = False

    @property
    def cells(self) -> tuple[str, ...]:
        """Names of the cells."""
        return (f"{self.kind}Cell",) if self.kind in OWN_KINDS else tuple(self.kind.split(","))

    @property
    def own(self) -> bool:
        """Whether all cells are Keras' own."""
        return {*self.cells, *(Rnn(self.backward).cells if self.backward else ())} <= {*OWN_CELLS}

    @property
    def bidirectional(self) -> bool:
        """Whether there are two directions."""
        return self.wrapper in MERGES


@dataclass(frozen=True, repr=False)
class Spec(Readable):
    """A model, a batch, and what is asked of the engine.

    Parameters
    ----------
    rnns
        The recurrent layers, one after the other.
    style
        ``"functional"``, ``"sequential"``, ``"unbuilt"`` (a Sequential without an Input),
        ``"subclassed"``, or ``"called"``: a subclassed model that was called before.
    front, pattern
        Where a mask comes from, ``"masking"``, ``"embedding"`` or ``"mask"`` (an input), and which
        timesteps it hides: ``"post"``, ``"pre"``, ``"mid"``, or ``"all"`` of one sample.
    last
        Whether the loss reads only the last timestep.
    earlier
        How many batches a stateful model has seen before.
    trains
        Whether a training step follows, and is compared with that of a twin.
    quantities
        What is asked; all that each layer offers, if empty.
    """

    rnns: tuple[Rnn, ...] = (Rnn(),)
    style: str = "functional"
    samples: int = 2
    timesteps: int = 4
    features: int = 2
    front: str = ""
    pattern: str = ""
    last: bool = False
    weighted: bool = False
    dtype: str = "float64"
    training: bool = False
    fixed_batch: bool = False
    fixed_time: bool = True
    jit: bool = False
    eager: bool = False
    earlier: int = 0
    trains: bool = False
    quantities: tuple[str, ...] = ()
    seed: int = 0

    @property
    def sequences(self) -> bool:
        """Whether the last layer returns a sequence."""
        return self.rnns[-1].sequences or self.rnns[-1].wrapper == "distributed"

    @property
    def steps(self) -> int:
        """How many steps a TimeDistributed takes in front of the sequence's own; 0: none."""
        return 2 if self.rnns[0].wrapper == "distributed" else 0

    def has(self, *names: str) -> bool:
        """Tell whether a layer has one of these cells."""
        return any({*rnn.cells} & {*names} for rnn in self.rnns)
