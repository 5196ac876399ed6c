"""The one encoder of JSON for rows: it writes what `json.dumps` would, with and without Python's accelerator; and
what is no Unicode comes in a form that a database takes."""

import json
from enum import IntEnum, StrEnum
from math import inf, nan

import pytest

from softswitch.compact import compact, encoder, storable


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
    [inf, -inf, nan, 1e300, 0.1],
)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_it_is_what_json_dumps_writes(value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert compact(value) == expected
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    assert encoder()(value) == expected


def test_what_is_not_plain_is_refused_or_made_plain() -> None:
    with pytest.raises(TypeError, match="set"):
        compact({1})
    assert encoder(default=str)({"at": Word}) == json.dumps({"at": str(Word)}, separators=(",", ":"))


@pytest.mark.parametrize(
    "text", ["", "Jörg", b"J\xf6rg".decode("utf-8", "surrogateescape"), "\ud800 é \udfff", "\\udcf6"]
)
def test_what_is_no_unicode_is_escaped(text: str) -> None:
    stored = storable(compact([text]))
    assert json.loads(stored.encode()) == [text]
