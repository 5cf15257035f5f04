"""A link between two frames, which keeps neither of them open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol
from weakref import ref

from ipywidgets import Widget, register
from traitlets import List, Unicode

from rnngrad_widgets.widgets.browser_module import BrowserModel


class LinkedFrame(Protocol):
    """A widget that can be linked."""

    model_id: str
    links: list[FrameLink]


@register
class FrameLink(BrowserModel, Widget):  # type: ignore[misc]  # ipywidgets has no types
    """Lets traits of two frames follow one another in the browser; what ``link`` returns.

    Not ipywidgets' ``jslink``: ipywidgets keeps a widget until it is closed, and such a link keeps
    both ends; and when a page is loaded again, it sets one to the other, also where that shows only
    what comes nearest.

    Parameters
    ----------
    source, target
        The frames.
    names
        The traits.
    """

    _model_name = Unicode("FrameLinkModel").tag(sync=True)

    source_id = Unicode("").tag(sync=True)
    target_id = Unicode("").tag(sync=True)
    names = List(Unicode()).tag(sync=True)

    def __init__(self, source: LinkedFrame, target: LinkedFrame, names: list[str]) -> None:
        self._frames = ref(source), ref(target)
        super().__init__(source_id=source.model_id, target_id=target.model_id, names=names)
        for frame in (source, target):
            frame.links = [*frame.links, self]

    @property
    def frames(self) -> list[Any]:
        """Those of the two that are there."""
        return [frame for frame in (each() for each in self._frames) if frame is not None]

    def unlink(self) -> None:
        """End the link; both stay as they are. Closing either of the two does so too."""
        self.close()

    def close(self) -> None:
        """End the link."""
        if self.comm is not None:
            for frame in self.frames:
                frame.links = [link for link in frame.links if link is not self]
        super().close()

    def __repr__(self) -> str:
        """Say what is linked."""
        state = "closed" if self.comm is None else ", ".join(self.names)
        return f"<{type(self).__name__}: {state}>"


def linked_with(frame: LinkedFrame, name: str) -> Iterator[Any]:
    """Yield the frames that a trait of a frame is linked with, by links of links too."""
    found = [frame]
    for each in found:
        for link in each.links:
            if name in link.names:
                others = [other for other in link.frames if other not in found]
                found += others
                yield from others
