"""Proves how numbers are brought to E.164 and back for several countries, and which stay as they are.

Does not prove where they are applied (`tests/story/test_story_failover.py`).
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.call.numbering import to_e164, written
from softswitch.config.trunks import NumberFormat, Numbers

SPAIN = Numbers(country="34")
BRITAIN = Numbers(country="44", area="20", national_prefix="0")
AMERICA = Numbers(country="1", area="212", national_prefix="1", international_prefix="011")


@pytest.mark.parametrize(
    ("number", "rules", "expected"),
    [
        ("911234567", SPAIN, "+34911234567"),
        ("+34 91 123 45-67", SPAIN, "+34911234567"),
        ("00442079460000", SPAIN, "+442079460000"),
        ("112", SPAIN, "112"),
        ("1001", SPAIN, "1001"),
        ("02079460000", BRITAIN, "+442079460000"),
        ("79460000", BRITAIN, "+442079460000"),
        ("5551234", AMERICA, "+12125551234"),
        ("12125551234", AMERICA, "+12125551234"),
        ("2125551234", AMERICA, "+12125551234"),
        ("01134911234567", AMERICA, "+34911234567"),
        ("anonymous", SPAIN, "anonymous"),
        ("*11", SPAIN, "*11"),
        ("", SPAIN, ""),
        ("٣٤٩١١٢٣٤٥٦", SPAIN, "٣٤٩١١٢٣٤٥٦"),
        ("911234567", Numbers(), "911234567"),
    ],
)
def test_to_e164(number: str, rules: Numbers, expected: str) -> None:
    assert to_e164(number, rules) == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("as-is", "+442079460000"),
        ("+e164", "+442079460000"),
        ("e164", "442079460000"),
        ("international", "00442079460000"),
        ("national", "02079460000"),
    ],
)
def test_written(form: NumberFormat, expected: str) -> None:
    assert written("+442079460000", form, BRITAIN) == expected


def test_a_foreign_number_is_not_national_and_a_short_one_stays() -> None:
    assert written("+34911234567", "national", BRITAIN) == "0034911234567"
    assert written("112", "e164", BRITAIN) == "112"


@given(st.text(max_size=40))
def test_whatever_is_dialled_is_understood_once(number: str) -> None:
    once = to_e164(number, SPAIN)
    assert to_e164(once, SPAIN) == once
