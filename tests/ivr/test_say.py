"""Proves: the words of numbers, times, dates, durations, positions and waits in English, Spanish and Romanian, against
tables written by hand (not by the rules), by way of the texts that the shipped prompts are rendered from; and that every
prompt the rules can name exists in that language.

Does not prove: how it sounds.
"""

import sys
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.ivr.prompts import PromptLibrary
from softswitch.ivr.say import (
    LANGUAGES,
    UnspeakableError,
    date_prompts,
    digit_prompts,
    duration_prompts,
    expected_wait_prompts,
    number_prompts,
    position_prompts,
    time_prompts,
    value_prompts,
)

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from build_prompts import catalogue

CATALOGUE = {language: catalogue(language) for language in LANGUAGES}
LIBRARY = PromptLibrary.of("", "en")


def spoken(names: tuple[str, ...], language: str) -> str:
    return " ".join(CATALOGUE[language][name].rstrip(",") for name in names)


NUMBERS = {
    "en": {
        0: "zero",
        1: "one",
        2: "two",
        11: "eleven",
        16: "sixteen",
        21: "twenty-one",
        22: "twenty-two",
        40: "forty",
        100: "one hundred",
        101: "one hundred and one",
        121: "one hundred and twenty-one",
        999: "nine hundred and ninety-nine",
        1000: "one thousand",
        1001: "one thousand and one",
        1100: "one thousand one hundred",
        2001: "two thousand and one",
        19_999: "nineteen thousand nine hundred and ninety-nine",
        100_000: "one hundred thousand",
        101_016: "one hundred and one thousand and sixteen",
        999_999: "nine hundred and ninety-nine thousand nine hundred and ninety-nine",
    },
    "es": {
        0: "cero",
        1: "uno",
        2: "dos",
        11: "once",
        16: "dieciséis",
        21: "veintiuno",
        22: "veintidós",
        31: "treinta y uno",
        100: "cien",
        101: "ciento uno",
        121: "ciento veintiuno",
        500: "quinientos",
        777: "setecientos setenta y siete",
        999: "novecientos noventa y nueve",
        1000: "mil",
        1001: "mil uno",
        2001: "dos mil uno",
        19_999: "diecinueve mil novecientos noventa y nueve",
        21_000: "veintiún mil",
        31_031: "treinta y un mil treinta y uno",
        100_000: "cien mil",
        101_000: "ciento un mil",
        200_100: "doscientos mil cien",
        999_999: "novecientos noventa y nueve mil novecientos noventa y nueve",
    },
    "ro": {
        0: "zero",
        1: "unu",
        2: "doi",
        11: "unsprezece",
        12: "doisprezece",
        16: "șaisprezece",
        21: "douăzeci și unu",
        22: "douăzeci și doi",
        100: "o sută",
        101: "o sută unu",
        121: "o sută douăzeci și unu",
        200: "două sute",
        999: "nouă sute nouăzeci și nouă",
        1000: "o mie",
        1001: "o mie unu",
        2001: "două mii unu",
        12_000: "douăsprezece mii",
        19_999: "nouăsprezece mii nouă sute nouăzeci și nouă",
        20_000: "douăzeci de mii",
        21_000: "douăzeci și una de mii",
        22_002: "douăzeci și două de mii doi",
        100_000: "o sută de mii",
        102_000: "o sută două mii",
        120_000: "o sută douăzeci de mii",
        999_999: "nouă sute nouăzeci și nouă de mii nouă sute nouăzeci și nouă",
    },
}

GENDERED = [
    ("es", 1, "masculine", "un"),
    ("es", 1, "feminine", "una"),
    ("es", 21, "masculine", "veintiún"),
    ("es", 21, "feminine", "veintiuna"),
    ("es", 41, "feminine", "cuarenta y una"),
    ("es", 101, "masculine", "ciento un"),
    ("es", 221, "feminine", "doscientas veintiuna"),
    ("es", 1001, "feminine", "mil una"),
    ("es", 200_000, "feminine", "doscientas mil"),
    ("es", 21_000, "feminine", "veintiún mil"),
    ("es", 11, "feminine", "once"),
    ("ro", 1, "masculine", "un"),
    ("ro", 1, "feminine", "o"),
    ("ro", 2, "feminine", "două"),
    ("ro", 2, "masculine", "doi"),
    ("ro", 12, "feminine", "douăsprezece"),
    ("ro", 12, "masculine", "doisprezece"),
    ("ro", 21, "feminine", "douăzeci și una"),
    ("ro", 21, "masculine", "douăzeci și unu"),
    ("ro", 101, "feminine", "o sută una"),
    ("ro", 101, "masculine", "o sută unu"),
    ("ro", 1001, "feminine", "o mie una"),
    ("ro", 2002, "feminine", "două mii două"),
    ("en", 21, "feminine", "twenty-one"),
]

DURATIONS = [
    ("en", 0, "zero seconds"),
    ("en", 1, "one second"),
    ("en", 60, "one minute"),
    ("en", 125, "two minutes and five seconds"),
    ("en", 3661, "one hour one minute and one second"),
    ("es", 1, "un segundo"),
    ("es", 60, "un minuto"),
    ("es", 1260, "veintiún minutos"),
    ("es", 3600, "una hora"),
    ("es", 21 * 3600 + 62, "veintiuna horas un minuto y dos segundos"),
    ("ro", 1, "o secundă"),
    ("ro", 2, "două secunde"),
    ("ro", 60, "un minut"),
    ("ro", 120, "două minute"),
    ("ro", 720, "douăsprezece minute"),
    ("ro", 1140, "nouăsprezece minute"),
    ("ro", 1200, "douăzeci de minute"),
    ("ro", 1260, "douăzeci și unu de minute"),
    ("ro", 1320, "douăzeci și două de minute"),
    ("ro", 3600, "o oră"),
    ("ro", 21 * 3600 + 41, "douăzeci și una de ore și patruzeci și una de secunde"),
]

TIMES = [
    ("en", "00:00", "twelve A.M."),
    ("en", "02:05", "two oh five A.M."),
    ("en", "12:30", "twelve thirty P.M."),
    ("en", "14:30", "two thirty P.M."),
    ("es", "01:00", "la una en punto"),
    ("es", "01:30", "la una y treinta"),
    ("es", "14:00", "las catorce horas"),
    ("es", "21:01", "las veintiuna y uno"),
    ("ro", "01:00", "ora unu"),
    ("ro", "02:01", "ora două și un minut"),
    ("ro", "12:05", "ora douăsprezece și cinci minute"),
    ("ro", "22:30", "ora douăzeci și două și treizeci de minute"),
    ("ro", "21:00", "ora douăzeci și unu"),
]

DATES = [
    ("en", "2026-05-01", "Friday the first of May two thousand and twenty-six"),
    ("es", "2026-05-01", "viernes uno de mayo de dos mil veintiséis"),
    ("ro", "2026-05-01", "vineri întâi mai două mii douăzeci și șase"),
    ("ro", "2026-12-22", "marți douăzeci și doi decembrie două mii douăzeci și șase"),
]

WAITS = [
    ("en", 59, "The expected wait is less than a minute."),
    ("en", 60, "The expected wait is about one minute"),
    ("en", 170, "The expected wait is about three minutes"),
    ("en", 3599, "The expected wait is about fifty-nine minutes"),
    ("en", 4000, "The expected wait is more than an hour."),
    ("es", 60, "El tiempo de espera aproximado es de un minuto"),
    ("es", 21 * 60, "El tiempo de espera aproximado es de veintiún minutos"),
    ("ro", 60, "Timpul de așteptare este de aproximativ un minut"),
    ("ro", 120, "Timpul de așteptare este de aproximativ două minute"),
    ("ro", 20 * 60, "Timpul de așteptare este de aproximativ douăzeci de minute"),
]

POSITIONS = [
    ("en", 1, "Your call is first in the queue."),
    ("en", 11, "Your call is number eleven in the queue."),
    ("es", 2, "Su llamada es la segunda en la cola."),
    ("es", 21, "Su llamada es la número veintiuno en la cola."),
    ("ro", 1, "Apelul dumneavoastră este primul la rând."),
    ("ro", 22, "Apelul dumneavoastră este numărul douăzeci și doi la rând."),
]


@pytest.mark.parametrize(
    ("language", "value", "words"),
    [(language, value, words) for language, table in NUMBERS.items() for value, words in table.items()],
)
def test_numbers(language: str, value: int, words: str) -> None:
    assert spoken(number_prompts(value, language), language) == words


@pytest.mark.parametrize(("language", "value", "gender", "words"), GENDERED)
def test_numbers_agree_with_what_is_counted(language: str, value: int, gender: str, words: str) -> None:
    assert spoken(number_prompts(value, language, gender), language) == words


@pytest.mark.parametrize(("language", "seconds", "words"), DURATIONS)
def test_durations(language: str, seconds: int, words: str) -> None:
    assert spoken(duration_prompts(seconds, language), language) == words


@pytest.mark.parametrize(("language", "text", "words"), TIMES)
def test_times(language: str, text: str, words: str) -> None:
    assert spoken(value_prompts("time", text, language), language) == words


@pytest.mark.parametrize(("language", "text", "words"), DATES)
def test_dates(language: str, text: str, words: str) -> None:
    assert spoken(value_prompts("date", text, language), language) == words


@pytest.mark.parametrize(("language", "seconds", "words"), WAITS)
def test_expected_waits(language: str, seconds: float, words: str) -> None:
    assert spoken(expected_wait_prompts(seconds, language), language) == words


def test_strange_waits_are_said_all_the_same() -> None:
    assert (
        expected_wait_prompts(-3, "en")
        == expected_wait_prompts(float("nan"), "en")
        == ("wait-less-than-a-minute",)
    )
    assert expected_wait_prompts(float("inf"), "en") == ("wait-more-than-an-hour",)
    assert spoken(expected_wait_prompts(3599.9, "en"), "en").endswith("fifty-nine minutes")
    assert spoken(expected_wait_prompts(90, "en"), "en").endswith("two minutes")


@pytest.mark.parametrize(("language", "position", "words"), POSITIONS)
def test_positions(language: str, position: int, words: str) -> None:
    assert spoken(position_prompts(position, language), language) == words


def test_no_position_is_silence() -> None:
    assert position_prompts(0, "en") == position_prompts(1_000_000, "es") == ()


def test_digits_are_read_one_by_one_and_the_rest_left_out() -> None:
    assert spoken(digit_prompts("+34 60*#x"), "en") == "plus three four six zero star pound"
    assert digit_prompts("anonymous") == ()
    assert len(digit_prompts("1" * 500)) == 32


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("number", "1000000"),
        ("number", "-1"),
        ("number", "1_0"),
        ("number", "٣"),
        ("number", ""),
        ("position", "0"),
        ("duration", "999999999"),
        ("time", "24:00"),
        ("time", "1430"),
        ("date", "2026-02-30"),
        ("date", "0000-01-01"),
        ("date", "1.5.2026"),
    ],
)
def test_what_cannot_be_said_is_refused(what: str, value: str) -> None:
    with pytest.raises(UnspeakableError):
        value_prompts(what, value, "en")


@given(
    st.sampled_from(LANGUAGES),
    st.sampled_from(["number", "digits", "position", "time", "date", "duration"]),
    st.text(max_size=12),
)
def test_any_text_is_said_or_refused(language: str, what: str, value: str) -> None:
    try:
        names = value_prompts(what, value, language)
    except UnspeakableError:
        return
    assert not LIBRARY.missing(names, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_that_can_be_named_exists_in_the_language(language: str) -> None:
    numbers = (*range(1200), *range(1900, 2200), *range(9_900, 10_200), *range(0, 1_000_000, 997), 999_999)
    genders = ("", "masculine", "feminine")
    named = set(
        chain(
            *(number_prompts(value, language, gender) for value in numbers for gender in genders),
            *(position_prompts(value, language) for value in range(1, 1200)),
            *(expected_wait_prompts(seconds, language) for seconds in range(0, 4000, 10)),
            *(duration_prompts(seconds, language) for seconds in range(0, 100 * 3600, 59)),
            *(time_prompts(hour, minute, language) for hour in range(24) for minute in range(60)),
            *(date_prompts(2026, month, day, language) for month in range(1, 13) for day in range(1, 29)),
            *(date_prompts(2026, 1, day, language) for day in (29, 30, 31)),
            digit_prompts("0123456789*#+"),
        )
    )
    assert len(named) > 150
    assert not LIBRARY.missing(named, language)


def test_an_unknown_language_is_spoken_in_english() -> None:
    assert number_prompts(21, "xx") == number_prompts(21, "en")
