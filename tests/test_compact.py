"""The one encoder of JSON for rows: it writes what `json.dumps` would, also where that is left to do it; what is no number
is nothing, and what is no Unicode comes in a form that a database takes and is read as it was."""

import json
from enum import IntEnum, StrEnum
from math import inf, nan

import pytest

from softswitch.compact import compact, decoder, encoder
from softswitch.value import value


class Word(StrEnum):
    HARD = 'a"\\é\u2028\n'


class Number(IntEnum):
    THREE = 3


VALUES = (
    {},
    [],
    "",
    Word.HARD,
    Number.THREE,
    None,
    1.5,
    10**30,
    {"route": "600", "deep": {"list": [1, 2.5, (True, None)], "word": Word.HARD}},
    {1: 2, None: 3, 1.5: 4, False: 5},
    [1e15, 0.1, 1800000000.33],
)


@pytest.mark.parametrize("written", VALUES, ids=repr)
def test_it_is_what_json_dumps_writes(written: object) -> None:
    assert compact(written) == json.dumps(written, separators=(",", ":"), ensure_ascii=False)


def test_what_is_no_number_is_nothing() -> None:
    assert compact([inf, -inf, nan]) == "[null,null,null]"


@value
class Told:
    name: str
    count: int = 0


def test_a_value_stands_without_its_defaults_also_when_its_text_is_no_unicode() -> None:
    assert compact([Told(name="a"), Told(name="b", count=2)]) == (
        '[{"type":"Told","name":"a"},{"type":"Told","name":"b","count":2}]'
    )
    assert compact((Told(name="a\udcff"),)) == '[{"type":"Told","name":"a\\udcff"}]'


def test_what_is_not_plain_is_refused_or_made_plain() -> None:
    with pytest.raises(TypeError, match="object"):
        compact(object())
    for at in (Word, {1.5: Word}):
        expected = json.dumps({"at": at}, separators=(",", ":"), ensure_ascii=False, default=str)
        assert encoder(default=str)({"at": at}) == expected


@pytest.mark.parametrize(
    "text", ["", "Jörg", b"J\xf6rg".decode("utf-8", "surrogateescape"), "\ud800 é \udfff", "\\udcf6"]
)
def test_what_is_no_unicode_is_escaped(text: str) -> None:
    stored = compact(Told(name=text))
    assert json.loads(stored.encode()) == {"type": "Told", "name": text}
    assert decoder(Told)(stored) == Told(name=text)


DEEP = '{"type":"Told","name":"a","more":' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.mark.parametrize(
    "text",
    ['{"type":"Told"}', '{"type":"Told","name":7}', "{", "\udcf6", DEEP, DEEP.replace('"a"', '"\udcf6"')],
)
def test_what_is_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decoder(Told)(text)
