"""Proves that the tables of docs/conformance.md and docs/security.md are whole: a row for each rule and each class that we
hold ourselves to, each with tests that exist under that name, or a reason why there is none.

Does not prove that the named tests are enough.
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"

_SECTIONS = (
    "8.2.2.2 8.2.6.2 9.1 9.2 10.3 12.1.1 12.1.2 12.2.1 12.2.2 13.2.2.4 13.3.1.1 13.3.1.4 14.1 14.2 15 16 17"
)
_RFCS = """6026 4320 3581 5626 3327 5627 5630 4028 3262 3311 3515 4488 3891 3892 7044 5806 3325
    3323 3326 3842 4235 6665 8760 3264 6337 3550 3551 5761 4961 4733 3711 4568 7118 4103"""
RULES = (*(f"§{section}" for section in f"{_SECTIONS} 18.1 18.2 18.3 22 26".split()), *_RFCS.split())
CLASSES = tuple(str(number) for number in range(1, 21))
REASONS = (
    "met",
    "as a B2BUA",
    "as a B2BUA and as a proxy",
    "not offered",
    "not offered through",
    "does not apply",
)
_CITED = re.compile(r"`(test_\w+\.py)::(test_\w+)`")


def _rows(page: str) -> list[list[str]]:
    """The cells of the one table of a page."""
    lines = [line for line in (DOCS / page).read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@pytest.fixture(scope="module")
def known() -> set[tuple[str, str]]:
    return {
        (file.name, name)
        for file in TESTS.rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)", file.read_text())
    }


@pytest.mark.parametrize("page", ["conformance.md", "security.md"])
def test_every_test_that_is_named_exists(page: str, known: set[tuple[str, str]]) -> None:
    cited = [(row[0], *found) for row in _rows(page) for found in _CITED.findall(" ".join(row))]
    assert len(cited) > 80
    missing = [(row, file, name) for row, file, name in cited if (file, name) not in known]
    assert not missing


def test_every_rule_has_its_row_with_a_test_and_a_result() -> None:
    rows = _rows("conformance.md")
    for row in rows:
        assert len(row) == 4 and row[3] in REASONS, row
        assert _CITED.search(row[2]) or row[3] == "does not apply", row
    numbers = " ".join(row[0] for row in rows).replace(", ", " ")
    written = set(re.findall(r"§[\d.]+|\b\d{4}\b", numbers))
    assert not set(RULES) - written


def test_every_class_has_its_row_with_a_test() -> None:
    rows = _rows("security.md")
    assert tuple(row[0] for row in rows) == CLASSES
    for row in rows:
        assert len(row) == 4 and _CITED.search(row[3]), row
