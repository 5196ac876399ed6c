"""Proves that every entry of the G.711 tables equals what Python's `audioop` computes, and is read-only.

Does not prove anything about packets; that recorder and relay use the right table is proved in their rooms.
"""

import warnings

import numpy as np
import pytest

from softswitch import g711

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

CODES = bytes(range(256))
LINEAR = np.arange(65536, dtype=np.uint16).tobytes()


def test_decoding_equals_audioop() -> None:
    assert g711.DECODE_ULAW.tobytes() == audioop.ulaw2lin(CODES, 2)
    assert g711.DECODE_ALAW.tobytes() == audioop.alaw2lin(CODES, 2)


def test_encoding_equals_audioop() -> None:
    assert g711.ENCODE_ULAW.tobytes() == audioop.lin2ulaw(LINEAR, 2)
    assert g711.ENCODE_ALAW.tobytes() == audioop.lin2alaw(LINEAR, 2)


def test_translation_equals_audioop() -> None:
    assert g711.ULAW_TO_ALAW.tobytes() == audioop.lin2alaw(audioop.ulaw2lin(CODES, 2), 2)
    assert g711.ALAW_TO_ULAW.tobytes() == audioop.lin2ulaw(audioop.alaw2lin(CODES, 2), 2)


def test_silence_is_the_quietest_code_of_each_law() -> None:
    assert abs(int(g711.DECODE_ULAW[g711.SILENCE[0]])) == np.abs(g711.DECODE_ULAW).min() == 0
    assert abs(int(g711.DECODE_ALAW[g711.SILENCE[8]])) == np.abs(g711.DECODE_ALAW).min() == 8


def test_tables_cannot_be_changed() -> None:
    for table in (g711.DECODE_ULAW, g711.ENCODE_ALAW, g711.ULAW_TO_ALAW):
        with pytest.raises(ValueError, match="read-only"):
            table[0] = 1
