"""`Linking`: traits of one widget that follow those of another, in the browser."""

from __future__ import annotations

from typing import Any, ClassVar

from ipywidgets import Widget, widget_serialization
from traitlets import Instance, List

from rnngrad_widgets.widgets.frame_link import FrameLink, linked_with
from rnngrad_widgets.widgets.selection import Selection


class Linking(Widget):  # type: ignore[misc]  # ipywidgets has no types
    """A widget whose traits can be linked in the browser.

    There they follow from what the selection and the timeline show, so that no message says them:
    it might come late, and move a slider that a person has moved on. What a person does in a page
    is carried over in that page, and both explorers tell Python; what is set in Python is carried
    over here.
    """

    LINKABLE: ClassVar[tuple[str, ...]] = ()
    """The traits that can be linked."""

    links = List(Instance(FrameLink)).tag(sync=True, **widget_serialization)

    selection: Selection
    _taken: str | None = None  # the trait that is set as a linked one is

    def check_open(self) -> None:
        """Refuse what needs a widget that is open."""
        raise NotImplementedError

    def link(self, other: Linking, *names: str) -> FrameLink:
        """Let traits of this widget and another one follow one another.

        Both ways, in the browser: also while the kernel is busy, and in a saved page that has both.
        The other one begins with what this one shows.

        Parameters
        ----------
        other
            An explorer, or a widget of `show_features_2D` and the like.
        *names
            What follows; none for all of these that both have.

            ``"sample"``, ``"channel"``
                The same index. An explorer with fewer shows its last one, and leaves the other
                where it is.
            ``"norm"``
                The same colour range. While it is automatic, the larger of the two automatic
                ranges, so that colours mean the same in both.
            ``"reflect_half"``
                The same order, where the channels have halves.
            ``"step"``
                The training step that is chosen; one that does not have it shows the nearest. The
                latest step is followed in both or in neither, each its own.

        Returns
        -------
        FrameLink
            The link; ``unlink()`` ends it, and so does closing one of the two. The same link made
            again replaces the first.

        Raises
        ------
        TypeError
            If the other is no such widget.
        ValueError
            If it is this one, or a trait is not one of the above, or not of both. What Python must
            compute is linked in the kernel: ``traitlets.link((a, "layer"), (b, "layer"))``.
        RuntimeError
            If one of them was closed.

        Notes
        -----
        ``ipywidgets.jslink((a, "sample"), (b, "sample"))`` works too, for these traits and with
        traits of other widgets. It keeps both open, an automatic norm is each one's own, and in the
        browser a step is None while the latest one is followed.
        """
        chosen = self._check_link(other, names)
        for link in [link for link in self.links if link.frames in ([self, other], [other, self])]:
            if set(link.names) == set(chosen):
                link.unlink()
        for name in chosen:
            other._take(name, self._linked_value(name))
        return FrameLink(self, other, chosen)

    def _check_link(self, other: Any, names: tuple[str, ...]) -> list[str]:
        if not isinstance(other, Linking):
            raise TypeError(
                "link takes another widget of rnngrad_widgets; received "
                f"{type(other).__name__}. For other widgets: ipywidgets.jslink"
            )
        if other is self:
            raise ValueError(f"link takes another widget than this one; received {other!r} itself")
        for each in (self, other):
            each.check_open()
        both = [name for name in self.LINKABLE if name in other.LINKABLE]
        unknown = [name for name in names if name not in both]
        if unknown or not both:
            of_python = [n for n in unknown if self.has_trait(str(n)) and other.has_trait(str(n))]
            way_out = "".join(
                f". In the kernel: traitlets.link((a, {name!r}), (b, {name!r}))"
                for name in of_python[:1]
            )
            raise ValueError(
                f"link takes traits that both have in the browser, {both}; received "
                f"{', '.join(map(repr, unknown)) or 'none'}{way_out}"
            )
        return list(dict.fromkeys(names)) or both

    def _should_send_property(self, key: str, value: Any) -> bool:
        return key not in self.LINKABLE and bool(super()._should_send_property(key, value))

    def _linked_value(self, name: str) -> Any:
        """Return what linked widgets take of a trait."""
        return getattr(self, name)

    def _take(self, name: str, value: Any) -> None:
        """Show what a linked widget shows, or what comes nearest."""
        self._taken = name
        try:
            self._show_linked(name, value)
        finally:
            self._taken = None

    def _show_linked(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def _carry(self, name: str) -> None:
        """Let linked widgets take a trait that was set in Python."""
        if self._taken != name:
            for other in linked_with(self, name):
                other._take(name, self._linked_value(name))  # noqa: SLF001 - of the same class
