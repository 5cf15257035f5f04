"""Traits set in random order, right and wrong: `make fuzz` sets many more."""

from __future__ import annotations

import pytest

from tests.unit.explorer.random_settings.settings import EXPLORERS, run


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("name", EXPLORERS)
def test_what_is_refused_changes_nothing_and_all_agree(name: str) -> None:
    assert list(run(name, settings=3, seed=1)) == []
