"""The golden files that vitest reads are what numpy computes."""

import json

from tests.fixtures import lags
from tests.fixtures.golden import PATH, golden, plain


def test_golden_file_is_current():
    assert json.loads(PATH.read_text()) == json.loads(json.dumps(plain(golden())))


def test_the_lag_profiles_are_current():
    assert lags.PATH.read_text() == lags.text()
