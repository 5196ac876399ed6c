"""Proves how a ladder is drawn: columns, directions, arrows that cross others, repetitions, what is left out, widths; and
which messages a follower gets.

Does not prove that a terminal shows it well; the drawing in docs/operations.md is one of these.
"""

from softswitch.sip.source import Source
from softswitch.trace.following import Following, Wanted
from softswitch.trace.ladder import Party, Step, draw
from softswitch.trace.memory import Dialogue

CARRIER = Party(key="a", labels=("trunk:carrier", "192.0.2.9:5060 UDP"))
PHONE = Party(key="b", labels=("endpoint:1001", "192.0.2.7:5062 UDP"))
OTHER = Party(key="c", labels=("endpoint:1002", "192.0.2.8:5062 UDP"))


def test_a_call_over_two_legs() -> None:
    steps = [
        Step(at=10.0, outgoing=False, party="a", line="INVITE 600", facts="PCMA :4000"),
        Step(at=10.02, outgoing=True, party="b", line="INVITE 1001", facts="PCMA :10002"),
        Step(at=12.5, outgoing=False, party="b", line="200 OK"),
        Step(at=12.51, outgoing=True, party="a", line="200 OK"),
    ]
    assert draw([CARRIER, PHONE], steps) == [
        "               trunk:carrier              switch               endpoint:1001",
        "            192.0.2.9:5060 UDP                              192.0.2.7:5062 UDP",
        "  0.000              │───── INVITE 600 ─────▶│                       │",
        "                     │      PCMA :4000       │                       │",
        "  0.020              │                       │───── INVITE 1001 ────▶│",
        "                     │                       │      PCMA :10002      │",
        "  2.500              │                       │◀────── 200 OK ────────│",
        "  2.510              │◀────── 200 OK ────────│                       │",
    ]


def test_an_arrow_crosses_the_columns_between() -> None:
    steps = [
        Step(at=0.0, outgoing=False, party="a", line="INVITE"),
        Step(at=1.0, outgoing=True, party="b", line="INVITE"),
        Step(at=2.0, outgoing=True, party="c", line="INVITE"),
        Step(at=3.0, outgoing=False, party="c", line="486 Busy Here"),
    ]
    lines = draw([CARRIER, PHONE, OTHER], steps)
    assert "┼" in lines[-1] and "┼" in lines[-2] and "┼" not in lines[-3]
    assert lines[-2].rstrip().endswith("▶│") and "◀" in lines[-1]
    assert lines[-2].index(" INVITE ") > lines[-2].index("┼")


def test_repetitions_what_is_left_out_and_nothing() -> None:
    steps = [
        Step(at=0.0, outgoing=False, party="a", line="INVITE 600"),
        Step(at=0.5, outgoing=False, party="a", line="INVITE 600", repeated=True),
    ]
    lines = draw([CARRIER], steps, left_out=3)
    assert "INVITE 600 ↻" in lines[-2] and "3 messages" in lines[-1]
    assert draw([CARRIER], []) == ["no messages are kept of this call"]


def test_no_line_is_wider_than_the_terminal_and_many_parties_share_the_last_column() -> None:
    parties = [Party(key=str(at), labels=(f"endpoint:{at}",)) for at in range(12)]
    steps = [Step(at=at, outgoing=True, party=str(at), line="INVITE " + "9" * 60) for at in range(12)]
    lines = draw(parties, steps, widest=200)
    assert max(map(len, lines)) <= 200
    assert "7 more parties" in lines[0]
    assert len(lines) == 13


def dialogue(call_id: str, call: str = "", party: str = "") -> Dialogue:
    return Dialogue(call_id.encode(), call=call, party=party)


def test_a_follower_gets_all_of_a_call_whose_number_fits() -> None:
    peer = Source("udp", "192.0.2.9", 5060)
    first = (0.0, False, b"INVITE sip:34911@x SIP/2.0\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\r\n", peer)
    second = (0.0, True, b"INVITE sip:1001@y SIP/2.0\r\nCall-ID: b\r\nCSeq: 1 INVITE\r\n\r\n", peer)
    one, two, three = dialogue("a", "c", "trunk:t"), dialogue("b", "c", "endpoint:1001"), dialogue("z", "d")
    by_number = Following(Wanted(number="911"))
    assert [by_number.wants(one, first), by_number.wants(two, second), by_number.wants(three, second)] == [
        True, True, False
    ]  # fmt: skip
    assert Following(Wanted(call="a")).wants(one, first) and Following(Wanted(call="c")).wants(two, second)
    assert not Following(Wanted(call="d")).wants(two, second)
    assert Following(Wanted(peer="t")).wants(one, first) and not Following(Wanted(peer="t")).wants(
        two, second
    )
    assert Following(Wanted(peer="192.0.2.9")).wants(two, second)
    assert Following(Wanted(method="invite")).wants(one, first)
    assert not Following(Wanted(method="BYE")).wants(one, first)
