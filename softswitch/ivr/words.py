"""Words as callers say or press them: without capitals, accents and punctuation; letters as keys (ITU-T E.161)."""

import unicodedata
from collections.abc import Iterable, Mapping

_KEYS = {
    letter: key
    for key, letters in {
        "2": "abc",
        "3": "def",
        "4": "ghi",
        "5": "jkl",
        "6": "mno",
        "7": "pqrs",
        "8": "tuv",
        "9": "wxyz",
    }.items()
    for letter in letters
}
_SPELT = str.maketrans({"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i"})


def words(text: str) -> tuple[str, ...]:
    """`¿Mi factura, Ștefan?` is `mi factura stefan`."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_SPELT))
    kept = "".join(char if char.isalnum() else " " for char in plain if not unicodedata.combining(char))
    return tuple(kept.split())


def keys_of(word: str) -> str:
    """Keys whose letters spell the word; digits stand for themselves, other signs are left out."""
    return "".join(_KEYS.get(char, char if char in "23456789" else "") for char in word)


def name_keys(name: str) -> tuple[str, ...]:
    """Each word of a name as keys; a word in letters that no key has is left out."""
    return tuple(filter(None, map(keys_of, words(name))))


def first_case(cases: Mapping[str, str], heard: str) -> str:
    """Node of the first case whose words are all heard, in their order; empty: none is."""
    said = words(heard)
    return next((node for case, node in cases.items() if _in_order(words(case), said)), "")


def _in_order(wanted: Iterable[str], said: tuple[str, ...]) -> bool:
    rest = iter(said)
    wanted = tuple(wanted)
    return bool(wanted) and all(word in rest for word in wanted)
