"""Proves: Asterisk's pattern letters, brackets, `.` and `!`, plain numbers, prefixes, the order of precedence, and that
wrong patterns are refused with the reason. The tables are from Asterisk's documentation of pattern matching.

Does not prove: Asterisk's dialplan features beyond patterns (caller id matching, `i` and `h` extensions).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.patterns import Pattern

MATCHES = [
    ("1001", "1001", True),
    ("1001", "10011", False),
    ("_NXXXXXX", "5551234", True),
    ("_NXXXXXX", "1551234", False),
    ("_NXXXXXX", "55512345", False),
    ("_ZXX", "100", True),
    ("_ZXX", "000", False),
    ("_x.", "12", True),
    ("_X.", "1", False),
    ("_X!", "1", True),
    ("_X!", "1234", True),
    ("_!", "", True),
    ("_.", "", False),
    ("_.", "+34911", True),
    ("_[15-7]XX", "612", True),
    ("_[15-7]XX", "412", False),
    ("_[1-35]", "5", True),
    ("_+34[67]XXXXXXXX", "+34612345678", True),
    ("_+34[67]XXXXXXXX", "+34912345678", False),
    ("_*1X", "*12", True),
    ("_555-XXXX", "5551234", True),
    ("_X.", "1\n2", True),
    ("1.1", "1.1", True),
    ("1.1", "121", False),
]


@pytest.mark.parametrize(("pattern", "number", "expected"), MATCHES)
def test_matches(pattern: str, number: str, expected: bool) -> None:
    assert Pattern.parse(pattern).matches(number) is expected


@pytest.mark.parametrize("text", ["", "_", "_1.2", "_[12", "_[]", "_[9-1]", "_1 2", "_!.", "_--", "9" * 81])
def test_wrong_patterns_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Pattern.parse(text)


def test_the_most_specific_sorts_first() -> None:
    texts = ["_X.", "_!", "_.", "9", "_9[1-3]X", "_9NX", "_9XX", "_91X", "911", "_9ZX", "_X!"]
    ordered = [
        str(pattern) for pattern in sorted(map(Pattern.parse, texts), key=lambda each: each.specificity)
    ]
    assert ordered == ["9", "911", "_91X", "_9[1-3]X", "_9NX", "_9ZX", "_9XX", "_X.", "_X!", "_.", "_!"]


def test_a_prefix_takes_each_character_as_itself() -> None:
    prefix = Pattern.prefix("+34X")
    assert prefix.matches("+34X1") and prefix.matches("+34X") and not prefix.matches("+341")
    with pytest.raises(ValueError, match="prefix"):
        Pattern.prefix("")


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_a_pattern_or_a_value_error(text: str, number: str) -> None:
    try:
        pattern = Pattern.parse(text)
    except ValueError:
        return
    assert isinstance(pattern.matches(number), bool)
    assert sorted([pattern, Pattern.parse("_X.")], key=lambda each: each.specificity)


@given(st.text(alphabet="0123456789*#+", min_size=1, max_size=20))
def test_a_number_matches_itself_only(number: str) -> None:
    assert Pattern.parse(number).matches(number)
    assert not Pattern.parse(number).matches(number + "0")
    assert Pattern.parse(f"_{number}").matches(number)
