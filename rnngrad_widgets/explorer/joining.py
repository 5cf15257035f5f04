"""`Joining`: recordings that come while others are compared, and are compared with them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

from rnngrad_widgets.explorer.compared_run import RunKey

if TYPE_CHECKING:
    from rnngrad_widgets.explorer.compared_folders import Folders
    from rnngrad_widgets.explorer.compared_run import ComparedRun
    from rnngrad_widgets.explorer.run_maker import RunMaker

_BETWEEN = (
    "it came between repeats that are compared pair by pair, and has not its like in the others. "
    "It joins with that, or compare them anew"
)


class Joined(NamedTuple):
    """What has come.

    Parameters
    ----------
    runs
        Those that are compared from now on.
    left_out
        A sentence for each folder of which nothing is compared, at present.
    """

    runs: list[ComparedRun]
    left_out: tuple[str, ...]


class Joining:
    """Finds recordings where others were found, and makes runs of them.

    A repeat comes after those that are compared, where its like in the other names does so too, or
    has that place.

    Parameters
    ----------
    folders
        Where they are found.
    maker
        Makes their runs.
    sources
        What is compared from the beginning, by name.
    """

    def __init__(self, folders: Folders, maker: RunMaker, sources: Mapping[str, Any]) -> None:
        self._folders = folders
        self._maker = maker
        self._compared = {
            name: list(own) if isinstance(own, (list, tuple)) else [own]
            for name, own in sources.items()
        }
        self._refused: dict[int, str] = {}  # by recording: its numbers are not read again

    def look(self) -> Joined:
        """Return what has come since the last look.

        Raises
        ------
        OSError
            If the folders cannot be read.
        """
        found = self._folders.look()
        runs: list[ComparedRun] = []
        left_out = list(found.left_out)
        for beside in _beside_each_other(found.sources):
            new = {
                RunKey(name, self._place(name, own), isinstance(found.sources[name], list)): own
                for name, own in beside.items()
                if self._place(name, own) == len(self._compared.get(name, ()))
            }
            try:
                runs += self._join(new, {self._place(*each) for each in beside.items()})
            except (ValueError, OSError) as error:
                words = " and ".join(key.words for key in new)
                verb = "is" if len(new) == 1 else "are"
                left_out.append(f"{words} {verb} not compared: {error}")
        return Joined(runs, tuple(left_out))

    def _join(self, new: Mapping[RunKey, Any], places: Collection[int]) -> list[ComparedRun]:
        """Make runs of what stands beside each other; of all of it, or an error."""
        for own in new.values():
            if id(own) in self._refused:
                raise ValueError(self._refused[id(own)])
        if new and len(places) > 1:
            raise ValueError(_BETWEEN)
        try:
            runs = [self._maker.join(key, own) for key, own in new.items()]
        except ValueError as error:
            self._refused |= dict.fromkeys(map(id, new.values()), str(error))
            raise
        for key, own in new.items():
            self._compared.setdefault(key.name, []).append(own)
        return runs

    def _place(self, name: str, source: Any) -> int:
        """Return which repeat of a name a source is; that after the last one if it is none yet."""
        known = self._compared.get(name, ())
        return next((i for i, each in enumerate(known) if each is source), len(known))


def _beside_each_other(sources: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield, by name, what is compared pair by pair; what has no repeats by itself."""
    repeats = {name: own for name, own in sources.items() if isinstance(own, (list, tuple))}
    yield from ({name: own} for name, own in sources.items() if name not in repeats)
    for beside in zip_longest(*repeats.values()):
        pairs = zip(repeats, beside, strict=True)
        yield {name: own for name, own in pairs if own is not None}
