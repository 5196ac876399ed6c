"""Proves that every report prints as table, JSON, CSV and picture, that CSV is safe to open in a spreadsheet, and that a
check that finds something fails. Does not prove the figures; tests/store does.
"""

import csv
import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from test_cli_commands import Served, served  # noqa: F401

from softswitch.api.report_views import FindingView
from softswitch.cli.report import KINDS
from softswitch.cli.report_csv import as_csv, csv_value
from softswitch.cli.svg import Line, chart


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_report_is_a_table_with_formulas_and_is_csv(served: Served, kind: str) -> None:  # noqa: F811
    table = served.run("report", kind, "--since", "2026-05-01", "--until", "2026-05-02", "--interval", "30m")
    assert table.exit_code == 0, table.output
    assert "sl_answered: answered within X / answered" in table.output and "50.0 %" in table.output
    read = list(csv.DictReader(io.StringIO(served.run("report", kind, "--csv").output)))
    assert [row["offered"] for row in read] == ["10", "20"]
    assert [row["queue"] for row in read] == ["'=sales", "'=sales"]
    assert [row["sl_answered"] for row in read] == ["0.5", ""]
    assert served.control.reports.searches[0].interval_s == 1800.0


def test_what_is_asked_for_reaches_the_switch(served: Served) -> None:  # noqa: F811
    asked = ("--team", "north", "--queue", "sales", "--trend", "--days", "3", "--service-level", "0.9")
    assert served.run("report", "queue", "--since", "7d", *asked).exit_code == 0
    search = served.control.reports.searches[-1]
    assert (search.team, search.queue, search.trend, search.days) == ("north", "sales", True, 3.0)
    assert search.service_level == 0.9


def test_a_picture_comes_out_and_what_cannot_be_drawn_is_told(served: Served, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "day.svg"
    result = served.run("report", "queue", "--plot", str(file), "--figure", "offered")
    assert result.exit_code == 0, result.output
    root = ElementTree.fromstring(file.read_text())
    assert root.tag.endswith("svg")
    assert len([each for each in root if each.tag.endswith("polyline")]) == 1
    for wrong in ("queue", "nonsense"):
        refused = served.run("report", "queue", "--plot", str(file), "--figure", wrong)
        assert refused.exit_code == 1 and "this report has offered, asa_s, sl_answered" in refused.output
    both = served.run("report", "queue", "--plot", str(file), "--figure", "offered", "--figure", "asa_s")
    assert both.exit_code == 1 and "no scale in common" in both.output


def test_a_check_that_finds_something_fails(served: Served) -> None:  # noqa: F811
    good = served.run("report", "check", "--recompute")
    assert good.exit_code == 0 and "40 figures compared, 0 differ" in good.output
    assert served.control.reports.recomputed == 1
    served.control.reports.findings = (
        FindingView(what="report", where="by queue sales", problem="the report says 3, its rows say 2"),
    )
    bad = served.run("report", "check")
    assert bad.exit_code == 1 and "the report says 3, its rows say 2" in bad.output
    assert served.run("report", "check", "--json").exit_code == 1


def test_definitions_are_listed(served: Served) -> None:  # noqa: F811
    assert "wait of the answered / answered" in served.run("report", "definitions").output


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_is_a_formula_to_a_spreadsheet(sign: str) -> None:
    told = csv_value(f"{sign}cmd|' /C calc'!A0", "text", "UTC")
    assert isinstance(told, str) and told[0] == "'"
    [read] = csv.reader(
        io.StringIO(as_csv([{"name": "ani", "unit": "text"}], [{"ani": f"{sign}1,\n2"}], "UTC")[5:])
    )
    assert read == [f"'{sign}1,\n2"]


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (-1.5, "number", -1.5),
        (None, "share", ""),
        ({"lunch": 3.0}, "text", '{"lunch": 3.0}'),
        (0, "count", 0),
    ],
)
def test_numbers_stay_numbers(value: Any, unit: str, told: Any) -> None:
    assert csv_value(value, unit, "UTC") == told


def test_moments_are_told_in_the_zone_of_the_switch() -> None:
    assert csv_value(1_780_000_000.0, "moment", "Europe/Madrid") == "2026-05-28T22:26:40+02:00"


@pytest.mark.parametrize("values", [[], [None], [0.0], [1.0, None, 3.0], [-2.0, 5e9], [1e-7, 2e-7]])
def test_a_picture_is_well_formed_whatever_it_shows(values: list[float | None]) -> None:
    line = Line(name="<q> & \x1b[31m", points=[(60.0 * at, value) for at, value in enumerate(values)])
    root = ElementTree.fromstring(chart("a & b", [line], str, str))
    ends = [each.attrib for each in root if each.tag.endswith("polyline")]
    for attributes in ends:
        for point in attributes["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 960 and 0 <= y <= 420
