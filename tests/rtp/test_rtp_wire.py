"""Proves: every command and report survives the wire; what is not exactly one is refused with a reason; frames may come
in any pieces; the handshake needs the secret at both ends; a controller that does not read never blocks a worker.

Does not prove the process around it (test_media_worker.py).
"""

import dataclasses
import json
import os
import re
import socket
import typing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.ids import LegId
from softswitch.rtp import handshake, link, wire
from softswitch.rtp.commands import AskStats, Command, Play, SetPeer
from softswitch.rtp.reports import Hello, LegOpened, PeerSilent, Report

HELLO = Hello(pid=1, engine="sockets")


def example(hint: object) -> st.SearchStrategy[object]:
    """Values of a declared type."""
    hint = getattr(hint, "__supertype__", hint)
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return st.builds(hint, **{name: example(kind) for name, kind in hints.items()})  # type: ignore[arg-type]
    if typing.get_origin(hint) is tuple:
        return st.lists(example(typing.get_args(hint)[0]), max_size=3).map(tuple)
    if type(None) in typing.get_args(hint):
        return st.none() | example(typing.get_args(hint)[0])
    plain = {str: st.text(max_size=20), int: st.integers(-(1 << 62), 1 << 62), bool: st.booleans()}
    return plain[hint] if hint in plain else st.floats(allow_nan=False, allow_infinity=False)  # type: ignore[index]


@settings(max_examples=150, deadline=None)
@given(st.one_of(*(example(kind) for kind in typing.get_args(Command))))
def test_commands_survive_the_wire(command: Command) -> None:
    (body,) = wire.FrameReader().feed(wire.encode(command))
    assert wire.decode_command(body) == command


@settings(max_examples=150, deadline=None)
@given(st.one_of(*(example(kind) for kind in typing.get_args(Report))))
def test_reports_survive_the_wire(report: Report) -> None:
    (body,) = wire.FrameReader().feed(wire.encode(report))
    assert wire.decode_report(body) == report


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[" * 100_000, "Expected `object`"),
        (b"[]", "Expected `object`"),
        (b"{}", "missing required field `type`"),
        (b'{"type": []}', "Expected `str` - at `$.type`"),
        (b'{"type": "Hello", "pid": 1, "engine": "x"}', "Invalid value 'Hello' - at `$.type`"),
        (b'{"type": "StopPlay"}', "missing required field `leg`"),
        (b'{"type": "StopPlay", "leg": 5}', "Expected `str`, got `int` - at `$.leg`"),
        (b'{"type": "StopPlay", "leg": "a", "more": 1}', "unknown field `more`"),
        (
            b'{"type": "Play", "leg": "a", "play": true, "prompts": []}',
            "Expected `int`, got `bool` - at `$.play`",
        ),
        (
            b'{"type": "Play", "leg": "a", "play": 1.0, "prompts": []}',
            "Expected `int`, got `float` - at `$.play`",
        ),
        (
            b'{"type": "Play", "leg": "a", "play": 1, "prompts": "abc"}',
            "Expected `array`, got `str` - at `$.prompts`",
        ),
        (b'{"type": "StartRecording", "spec": {"max_s": NaN}, "tracks": []}', "malformed"),
        (
            b'{"type": "StartRecording", "spec": 1, "tracks": []}',
            "Expected `object`, got `int` - at `$.spec`",
        ),
    ],
)
def test_what_is_no_command_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    with pytest.raises(wire.WireError, match=re.escape(reason)):
        wire.decode_command(body)


def test_frames_come_in_any_pieces_and_announced_monsters_are_refused() -> None:
    reader = wire.FrameReader()
    whole = wire.encode(AskStats(legs=(LegId("a"),))) + wire.encode(
        Play(leg=LegId("é"), play=1, prompts=("x",))
    )
    bodies = [body for n in range(len(whole)) for body in reader.feed(whole[n : n + 1])]
    assert [json.loads(body)["type"] for body in bodies] == ["AskStats", "Play"]
    with pytest.raises(wire.WireError):
        list(reader.feed((wire.MAX_FRAME + 1).to_bytes(4)))
    with pytest.raises(wire.WireError):
        wire.encode(AskStats(legs=(LegId("x" * wire.MAX_FRAME),)))


def test_a_number_of_numpy_is_told_as_a_number() -> None:
    told = wire.encode(PeerSilent(leg=LegId("a"), silent_s=np.float64(2.5)))
    assert wire.decode_report(told[4:]) == PeerSilent(leg=LegId("a"), silent_s=2.5)


def test_a_reason_is_short_however_long_what_was_sent() -> None:
    with pytest.raises(wire.WireError) as refused:
        wire.decode_command(b'{"type":"%s"}' % (b"x" * 100_000))
    assert len(str(refused.value)) <= 200


def test_bytes_of_a_peer_that_are_no_utf8_cost_no_command() -> None:
    told = wire.encode(Play(leg=LegId("a"), play=1, prompts=("caf\udce9",)))
    assert wire.decode_command(told[4:]) == Play(leg=LegId("a"), play=1, prompts=("caf?",))


def test_defaults_may_be_left_out() -> None:
    body = b'{"type":"SetPeer","leg":"a","address":"192.0.2.1","port":5,"codec":"PCMU",'
    body += b'"payload_type":0,"event_payload_type":null}'
    command = wire.decode_command(body)
    assert isinstance(command, SetPeer)
    assert (command.ptime_ms, command.send, command.latch) == (20, True, False)


@pytest.fixture
def ends(
    tmp_path: Path,
) -> typing.Iterator[tuple[link.ControllerLink, typing.Callable[[bytes], socket.socket]]]:
    path, secret = str(tmp_path / "m.sock"), bytes(range(32))
    worker = link.ControllerLink(path, secret, lambda: HELLO, os.urandom)
    opened: list[socket.socket] = []

    def attach(with_secret: bytes) -> socket.socket:
        controller = socket.socket(socket.AF_UNIX)
        controller.settimeout(1)
        controller.connect(path)
        opened.append(controller)
        worker.poll(0.1, 0.0)
        nonce = controller.recv(100)[len(handshake.GREETING) :]
        controller.sendall(bytes(32) + handshake.controller_proof(with_secret, nonce, bytes(32)))
        worker.poll(0.1, 0.0)
        return controller

    yield worker, attach
    worker.close()
    for controller in opened:
        controller.close()


Ends = tuple[link.ControllerLink, typing.Callable[[bytes], socket.socket]]


def test_only_the_owner_may_open_the_socket(ends: Ends, tmp_path: Path) -> None:
    assert (tmp_path / "m.sock").stat().st_mode & 0o777 == 0o600


def test_it_hears_the_controller_between_ticks_and_nothing_else(ends: Ends) -> None:
    worker, attach = ends
    assert not worker.hears_within(0.01)  # nobody is there
    first = attach(bytes(range(32)))
    readable, writer = socket.socketpair()
    worker.watch(readable.fileno())
    writer.send(b"packets")
    assert not worker.hears_within(0.0101)
    first.sendall(wire.encode(AskStats()))
    assert worker.hears_within(60.0)
    worker.poll(0, 0.0)
    assert [type(command) for command in worker.commands()] == [AskStats]
    second = attach(bytes(range(32)))
    first.close()
    assert not worker.hears_within(0.01)
    second.close()
    assert worker.hears_within(60.0)  # its end is something that it says
    worker.poll(0, 0.0)
    assert not worker.attached
    assert not worker.hears_within(0.01)
    readable.close()
    writer.close()


def test_the_secret_is_needed_and_a_second_controller_takes_over(ends: Ends) -> None:
    worker, attach = ends
    assert attach(bytes(32)).recv(100) == b""
    assert not worker.attached
    first = attach(bytes(range(32)))
    proof = first.recv(handshake.PROOF_BYTES)
    assert len(proof) == 32
    assert worker.attached
    (body,) = wire.FrameReader().feed(first.recv(1000))
    assert wire.decode_report(body) == HELLO
    second = attach(bytes(range(32)))
    assert worker.attached
    assert first.recv(1000) == b""
    second.sendall(wire.encode(AskStats()) + b"\0\0\0\2{}" + wire.encode(AskStats()))
    worker.poll(0.1, 0.0)
    commands = worker.commands()
    assert [type(command) for command in commands] == [AskStats, wire.WireError, AskStats]
    second.close()
    worker.poll(0.1, 0.0)
    assert not worker.attached


def test_a_controller_that_does_not_read_never_blocks_and_costs_bounded_memory(ends: Ends) -> None:
    worker, attach = ends
    attach(bytes(range(32)))
    report = LegOpened(leg=LegId("x" * 1000), port=5)
    for _ in range(2 * link.MAX_UNREAD // 1000):
        worker.report(report)
        worker.flush()
    assert worker.lost > 1000
    assert len(worker._out) <= link.MAX_UNREAD + 2000
    assert worker.attached


def test_connections_that_prove_nothing_are_bounded_and_dropped(ends: Ends, tmp_path: Path) -> None:
    worker, _ = ends
    idle = []
    for _ in range(link.MAX_PENDING + 3):
        one = socket.socket(socket.AF_UNIX)
        one.connect(str(tmp_path / "m.sock"))
        idle.append(one)
        worker.poll(0.05, 0.0)
    assert len(worker._pending) == link.MAX_PENDING
    worker.poll(0.05, link.PROVE_S + 1)
    assert len(worker._pending) == 0
    for one in idle:
        one.close()
