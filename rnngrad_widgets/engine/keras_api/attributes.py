"""Save the attributes of layers, and restore them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.engine.backend import Layer

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence


@contextmanager
def preserve_attributes(layers: Sequence[Layer], excluded: Container[str] = ()) -> Iterator[None]:
    """Restore the attributes of layers on leaving, also the contents of lists, dicts and sets.

    Parameters
    ----------
    excluded
        Attributes that others may set meanwhile; they are not restored.
    """
    saved = [SavedAttributes(layer.__dict__, excluded) for layer in layers]
    try:
        yield
    finally:
        for attributes in saved:
            attributes.restore()


class SavedAttributes:
    """The attributes of an object, with the contents of its lists, dicts and sets.

    Parameters
    ----------
    namespace
        The ``__dict__`` of the object.
    excluded
        Names that are not saved.
    """

    def __init__(self, namespace: dict[str, Any], excluded: Container[str] = ()) -> None:
        self._namespace = namespace
        self._excluded = excluded
        # list() first: another thread may set an attribute meanwhile.
        self._values = {k: v for k, v in list(namespace.items()) if k not in excluded}
        held = {id(v): v for v in self._values.values() if isinstance(v, (list, dict, set))}
        self._held = [(v, _contents(v)) for v in held.values()]

    def restore(self) -> None:
        """Restore the attributes; those that have not changed are not touched."""
        namespace, values = self._namespace, self._values
        for name in [n for n in list(namespace) if n not in values and n not in self._excluded]:
            del namespace[name]
        for name, value in values.items():
            if namespace.get(name, self) is not value:
                namespace[name] = value
        for value, before in self._held:
            now = _contents(value)
            if len(now) != len(before) or any(a is not b for a, b in zip(now, before, strict=True)):
                _refill(value, before)


def _contents(value: Any) -> list[Any]:
    return (
        [part for item in value.items() for part in item] if isinstance(value, dict) else [*value]
    )


def _refill(value: Any, contents: list[Any]) -> None:
    # By the plain type's methods: those of Keras' containers track what is put into them.
    if isinstance(value, dict):
        dict.clear(value)
        dict.update(value, zip(contents[::2], contents[1::2], strict=True))
    elif isinstance(value, list):
        list.__setitem__(value, slice(None), contents)
    else:
        set.clear(value)
        set.update(value, contents)
