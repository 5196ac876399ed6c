"""Proves that no bytes of a peer make a stack raise, stop answering, or keep more than it is allowed: the torture messages
of RFC 4475, every message of a real call cut at each length, and thousands of mutations, with live calls beside.

Does not prove that the answers are right; `test_stack.py` does.
"""

import random
from pathlib import Path

import pytest

from softswitch.sip.message import Response, parse_message
from softswitch.sip.source import Source
from softswitch.sip.stack_settings import StackSettings
from softswitch.testing.stacks import Call, StackPeer, StackWorld, description

CORPUS = sorted((Path(__file__).parent / "corpus" / "rfc4475").glob("*.dat"))
STRANGER = Source("udp", "192.0.2.9", 5060)
OPTIONS = (
    b"OPTIONS sip:x@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKping%d\r\n"
    b"From: <sip:p@192.0.2.9>;tag=p\r\nTo: <sip:x@192.0.2.2>\r\nCall-ID: ping\r\nCSeq: 1 OPTIONS\r\n"
    b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)
SPICE = (
    b"\r\n",
    b",",
    b";",
    b"=",
    b'"',
    b"<",
    b">",
    b"%",
    b"\0",
    b"\xff",
    b":",
    b"@",
    b"9" * 30,
    b"-1",
    b" ",
)


class Target:
    """A stack with a talking and a ringing call, and what it answers to a stranger."""

    def __init__(self) -> None:
        self.world = StackWorld(settings=StackSettings(max_transactions=500))
        self.alice: StackPeer = self.world.peer("192.0.2.1")
        self.bob: StackPeer = self.world.peer("192.0.2.2")
        self.pings = 0
        self.answers: list[bytes] = []
        self.world.network.attach(STRANGER, lambda data, sender, now: self.answers.append(data))
        self.bob.on_call = self._answer
        self.talking = self.alice.call("sip:bob@192.0.2.2")
        self.world.run(1.0)
        self.bob.on_call = lambda call: call.session.ring()
        self.ringing = self.alice.call("sip:bob@192.0.2.2")
        self.world.run(1.0)
        self.messages = [packet.data for packet in self.world.network.packets]

    def _answer(self, call: Call) -> None:
        call.session.ring()
        call.session.answer(description(5000))

    def hit(self, data: bytes, source: Source = STRANGER) -> None:
        self.bob.perform(self.bob.stack.receive(data, source, self.world.now))

    def alive(self) -> bool:
        """An OPTIONS is answered; what else is on the network is thrown away."""
        self.pings += 1
        self.world.network.packets.clear()
        self.answers.clear()
        self.hit(OPTIONS % self.pings)
        self.world.run(0.05)
        found = [parse_message(data) for data in self.answers if b"z9hG4bKping%d" % self.pings in data]
        return any(isinstance(one, Response) and one.status == 200 for one in found)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_torture_messages_hurt_nobody(path: Path) -> None:
    target = Target()
    target.hit(path.read_bytes())
    target.world.run(1.0)
    assert target.alive()
    assert target.talking.session.state == "confirmed"


def test_messages_cut_at_every_length_hurt_nobody() -> None:
    target = Target()
    for message in target.messages:
        for length in range(len(message)):
            target.hit(message[:length], target.alice.place["udp"])
        assert target.alive()
    assert target.talking.session.state == "confirmed"


@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_mutations_hurt_nobody(seed: int) -> None:
    target, noise = Target(), random.Random(seed)
    seeds = [*target.messages, *(path.read_bytes() for path in CORPUS)]
    for number in range(2000):
        data = noise.choice(seeds)
        for _ in range(noise.randint(1, 6)):
            place = noise.randrange(len(data) + 1)
            spice = noise.choice(SPICE) if noise.random() < 0.7 else noise.randbytes(noise.randint(1, 5))
            data = data[:place] + spice + data[place + noise.choice((0, 0, 1, 1, 2, 8)) :]
        target.hit(data, noise.choice((STRANGER, target.alice.place["udp"], target.alice.place["tcp"])))
        target.alice.perform(target.alice.stack.receive(data, target.bob.place["udp"], target.world.now))
        if number % 100 == 99:
            assert target.alive()
            assert target.bob.stack.transactions <= 600
    for call in target.bob.calls:
        call.session.hangup()
    target.bob.stack.draining = True
    target.world.run(300.0)
    assert target.bob.stack.transactions == 0
    assert target.bob.stack.sessions() == []
