"""The table that `GradientEngine.check` returns."""

from __future__ import annotations

from rnngrad_widgets.data.check_table import CheckRow, CheckTable

ROWS = (
    CheckRow("lstm", "output_gradient", 2.5e-11, 1e-6, "float64", passed=True),
    CheckRow("<b>", "hidden_gradient", 0.25, 1e-6, "float64", passed=False),
    CheckRow("lstm/kernel", "weight_gradient", None, 1e-6, "float64", None, "no <reason>"),
)


def test_the_table_reads_in_a_terminal() -> None:
    assert repr(CheckTable(ROWS, 0.5, ("left out: it",))).splitlines() == [
        "layer        quantity         relative error  tolerance",
        "lstm         output_gradient  2.5e-11         1e-06 (float64)  passed",
        "<b>          hidden_gradient  2.5e-01         1e-06 (float64)  FAILED",
        "lstm/kernel  weight_gradient                  1e-06 (float64)  not checked: no <reason>",
        "1 passed, 1 FAILED, 1 not checked, at a loss of 0.5",
        "left out: it",
    ]
    assert repr(CheckTable(())).splitlines()[-1] == "nothing to check"


def test_the_table_reads_in_a_notebook() -> None:
    html = CheckTable(ROWS, 0.5, ("<i>",))._repr_html_()
    assert "<td>&lt;b&gt;</td><td>hidden_gradient</td><td>2.5e-01</td>" in html
    assert "<strong>FAILED</strong>" in html
    assert "not checked: no &lt;reason&gt;" in html
    assert "<div>1 passed, 1 FAILED, 1 not checked, at a loss of 0.5</div>" in html
    assert "<div>&lt;i&gt;</div>" in html
    assert "<b>" not in html
    assert "<i>" not in html


def test_the_table_is_a_sequence_with_a_verdict() -> None:
    table = CheckTable(ROWS)
    assert len(table) == 3
    assert table[0] is ROWS[0]
    assert table[1:] == ROWS[1:]
    assert list(table) == list(ROWS)
    assert table.failures == ROWS[1:2]
    assert table.unchecked == ROWS[2:]
    assert not table.passed
    assert CheckTable(ROWS[::2]).passed
    assert not CheckTable(ROWS[2:]).passed
