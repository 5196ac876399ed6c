"""Proves that what a caller writes about himself stays data: markup, SQL, shell, control characters, bytes that are no
UTF-8, NUL, formulas and paths in From, Call-ID, User-Agent, Subject and the dialled number reach the tables, the queue's
log, the control API and the printed tables as text, every field escaped, and name no file; and
that none of it makes rows be written one by one.

There is no HTML page and no shell command that a value of a peer could reach. CSV is not proved here.
"""

import asyncio
import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from story_floor import NORTH, SWITCH, Centre, centre, told

from softswitch.api.answers import answer
from softswitch.cli.output import clean
from softswitch.config.routes import Route
from softswitch.sip.message import Response, parse_message
from softswitch.sip.source import Source
from softswitch.store.sqlite import SqliteSink
from softswitch.testing.manners import answering
from softswitch.testing.network import Packet, deliver_later
from softswitch.testing.stacks import DESCRIPTION

CENTRE = centre(route={"_X.": Route(to="queue:sales"), "600": Route(to="queue:sales")})
BREAKING = {"\r", "\n", "\x00", "\x1b", "\x07", "\x9b"}
NAMES = {
    "markup": b'\\"><script>alert(1)</script>',
    "sql": b"x','y');DROP TABLE calls;--",
    "shell": b"`id` $(id) ; id",
    "terminal": b"\x1b[2J\x1b]0;owned\x07",
    "formula": b"=cmd|'/c calc'!A1",
    "template": b"${caller_id_name} {{7*7}} %s%n",
    "long": "ñ".encode() * 2048,
    "no utf-8": b"\xed\xa0\x80\xff\xfe lone",
    "separators": b"a|b,c;d\tE",
    "right to left": "\u202egnp.exe".encode(),
}


class Caller:
    """A trunk's caller who writes his messages himself."""

    def __init__(self, c: Centre) -> None:
        self._network = c.network
        self._place = Source("udp", NORTH, 5099)
        self.got: list[Response] = []
        c.network.attach(self._place, self._hear)

    def send(
        self, method: str, number: bytes, name: bytes, call_id: bytes, *, to_tag: str = "", body: bytes = b""
    ) -> None:
        cseq = 2 if method == "BYE" else 1
        lines = [
            b"%s sip:%s@%s SIP/2.0" % (method.encode(), number, SWITCH.encode()),
            b"Via: SIP/2.0/UDP %s:5099;branch=z9hG4bK%s" % (NORTH.encode(), method.encode()),
            b"Max-Forwards: 70",
            b'From: "%s" <sip:%s@%s>;tag=f' % (name, b"%2e%2e%2fx%00", NORTH.encode()),
            b"To: <sip:%s@%s>%s" % (number, SWITCH.encode(), f";tag={to_tag}".encode() if to_tag else b""),
            b"Call-ID: " + call_id,
            b"CSeq: %d %s" % (cseq, method.encode()),
            b"Contact: <sip:c@%s:5099>" % NORTH.encode(),
            b"User-Agent: " + name,
            b"Subject: " + name,
            b"Organization: " + name,
            b"Content-Type: application/sdp",
            b"Content-Length: %d" % len(body),
        ]
        data = b"\r\n".join(lines) + b"\r\n\r\n" + body
        deliver_later(self._network, data, self._place, Source("udp", SWITCH, 5060))

    def _hear(self, data: bytes, sender: Source, now: float) -> None:
        message = parse_message(data)
        if isinstance(message, Response):
            self.got.append(message)


async def call(
    c: Centre, name: bytes, *, number: bytes = b"600", call_id: bytes = b"../../../tmp/x<b>"
) -> None:
    """Queue, agent, recording, end; the API, a board and every table are read meanwhile and afterwards."""
    c.phone("1001").on_call = answering(0.5)
    caller = Caller(c)
    caller.send("INVITE", number, name, call_id, body=DESCRIPTION)
    await asyncio.sleep(3)
    final = next(response for response in caller.got if response.status >= 200)
    assert final.status == 200
    caller.send("ACK", number, name, call_id, to_tag=final.to_tag)
    await asyncio.sleep(2)
    for view in (c.switch.control.calls(), c.switch.control.queue("sales"), c.switch.control.lines()):
        body = answer(view).body
        assert isinstance(body, bytes) and json.loads(body)
        assert not BREAKING & set(body.decode())
    printed = Console(file=io.StringIO(), width=4000)
    printed.print(clean(c.live().ani_name), markup=False)
    assert not BREAKING - {"\n"} & set(printed.file.getvalue())  # type: ignore[attr-defined]
    caller.send("BYE", number, name, call_id, to_tag=final.to_tag)
    await c.settled()


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_text_everywhere(name: bytes, tmp_path: Path) -> None:
    @told(CENTRE)
    async def story(c: Centre) -> None:
        await call(c, name)
        cdr = await c.cdr()
        assert cdr["agent"] == "ana" and cdr["ani"]
        assert len(c.switch.rows("calls")) == 1, "the table is there"
        for line in c.log():
            assert len(line.splitlines()) == 1 and not BREAKING & set(line)
        [recording] = c.switch.rows("recordings")
        folder = (tmp_path / "recordings").resolve()
        assert ".." not in recording["path"] and not {"<", "|", "\0", "`", "$"} & set(recording["path"])
        assert Path(recording["path"]).is_relative_to(folder) or not Path(recording["path"]).is_absolute()

    story(tmp_path)


@told(CENTRE)
async def test_a_name_in_latin_1_costs_no_transaction_for_each_row_and_outlives_a_kill(c: Centre) -> None:
    """A row that the database refuses makes it take all others of its batch one by one, each with a write to the disk."""
    refused: list[int] = []
    caller, c.phone("1001").on_call = Caller(c), answering(0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteSink, "_one_by_one", lambda sink, rows: refused.append(len(rows)))
        caller.send("INVITE", b"600", b"J\xf6rg", b"latin", body=DESCRIPTION)
        await asyncio.sleep(0.2)
        caller.send("ACK", b"600", b"J\xf6rg", b"latin", to_tag=caller.got[-1].to_tag)
        await asyncio.sleep(3)
    assert refused == []
    await c.restart()
    await asyncio.sleep(1)
    c.phone("1001").calls[0].hang_up()
    await asyncio.sleep(1)
    [bye] = {packet.data for packet in c.network.packets if packet.first_line.startswith("BYE sip:c@")}
    assert b'\r\nTo: "J\xf6rg" <' in bye


@pytest.mark.parametrize(
    "number",
    [b"..%2f..%2fetc%2fpasswd", b"%00", b"600%0d%0aX", b"6" * 4096, b"600;ext=<x>", b"%2e%2e", b"'%3bDROP"],
)
def test_a_dialled_number_is_data_and_no_path(number: bytes, tmp_path: Path) -> None:
    """It is answered by a refusal or leads to the queue; either way nothing is left, and the next call is served."""

    @told(CENTRE)
    async def story(c: Centre) -> None:
        caller = Caller(c)
        caller.send("INVITE", number, b"x", b"first", body=DESCRIPTION)
        await asyncio.sleep(1)
        final = next((response for response in caller.got if response.status >= 200), None)
        if final is not None and final.status == 200:
            caller.send("ACK", number, b"x", b"first", to_tag=final.to_tag)
            caller.send("BYE", number, b"x", b"first", to_tag=final.to_tag)
        else:
            assert final is None or 400 <= final.status < 500
            if final is not None:
                caller.send("ACK", number, b"x", b"first", to_tag=final.to_tag)
        await asyncio.sleep(40)
        for row in c.switch.rows("recordings"):
            assert ".." not in row["path"] and "\0" not in row["path"]
        c.phone("1001").on_call = answering(0.5)
        after = c.caller()
        await asyncio.sleep(3)
        after.hang_up()
        assert not [packet for packet in c.network.packets if _leaks(packet)]

    story(tmp_path)


def _leaks(packet: Packet) -> bool:
    """A line of ours that a peer has written: what was escaped came out raw."""
    return b"\r\nX@" in packet.data or b"root:" in packet.data
