"""The golden file that vitest reads is what numpy computes."""

import json

from tests.fixtures.golden import PATH, golden, plain


def test_golden_file_is_current():
    assert json.loads(PATH.read_text()) == json.loads(json.dumps(plain(golden())))
