"""What a tensor must be, whoever made it: an engine, a hand, or a stranger's recording."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"\w[\w .-]{0,39}")


def check_words(what: str, words: Iterable[object]) -> tuple[str, ...]:
    """Names of axes, directions, gates or a quantity: short words, no markup.

    Parameters
    ----------
    what
        What they name, for the message.
    words
        The names.

    Returns
    -------
    tuple
        The names.

    Raises
    ------
    ValueError
        If one of them is no word: 1 to 40 letters, digits, ``_``, ``.``, ``-`` or spaces.
    """
    found = tuple(words)
    for word in found:
        if not isinstance(word, str) or not _WORD.fullmatch(word):
            raise ValueError(
                f"{what} must be words: 1 to 40 letters, digits, _ . - or spaces; "
                f"received {shortened(word)}"
            )
    return found  # type: ignore[return-value]  # each was looked at


def shortened(value: object, most: int = 100) -> str:
    """The value as Python writes it, its end left out where it is long."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
