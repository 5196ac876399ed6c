"""Proves that SIPp, which is not ours, completes calls with a bare `SipEndpoint` in both directions over UDP and TCP.

Does not prove media, queues or authentication; the tests beside this one do, against the whole switch.
"""

import asyncio
import socket
from pathlib import Path

import pytest

from softswitch.clock import SystemClock, entropy
from softswitch.config.schema import Config
from softswitch.config.sip import Sip
from softswitch.config.trunks import Trunk
from softswitch.ids import LegId
from softswitch.sip.address import Address
from softswitch.sip.endpoint import SipEndpoint
from softswitch.sip.events import Answered, HungUp, SessionEvent
from softswitch.sip.identity import Identity
from softswitch.sip.session import Session
from softswitch.sip.uri import Uri
from softswitch.testing.stacks import description

CALLS = 100
RATE = 100
SIPP_MODE = {"udp": "u1", "tcp": "t1"}

pytestmark = pytest.mark.interop


def free_port(transport: str) -> int:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Switch:
    """An endpoint that answers every call and accepts every BYE at once."""

    def __init__(self, transport: str) -> None:
        self.port = free_port(transport)
        self.events: list[SessionEvent] = []
        self.sip = SipEndpoint(
            Config(
                sip=Sip(listen=(f"{transport}://127.0.0.1:{self.port}",)),
                trunk={"sipp": Trunk(host="sip:127.0.0.1", options_interval_s=0.0)},
            ),
            secrets={},
            clock=SystemClock(),
            entropy=entropy,
            on_invite=self._invited,
            on_registration=lambda change: None,
            on_trunk=lambda name, state, reason: None,
        )

    def told(self, event: SessionEvent) -> None:
        self.events.append(event)
        if isinstance(event, HungUp):
            event.accept()

    def _invited(self, session: Session, identity: Identity) -> None:
        session.on_event = self.told
        session.ring()
        session.answer(description(40000))


async def sipp(scenario: str, transport: str, *arguments: str, folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        "sipp",
        *("-sn", scenario, "-t", SIPP_MODE[transport], "-i", "127.0.0.1", "-nostdin", "-timeout", "20"),
        *("-timeout_error", "-m", str(CALLS), *arguments),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def ended(process: asyncio.subprocess.Process) -> int:
    try:
        return await asyncio.wait_for(process.wait(), 30.0)
    finally:
        if process.returncode is None:
            process.kill()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_calls_of_sipp_are_answered_and_end(transport: str, tmp_path: Path) -> None:
    switch = Switch(transport)
    await switch.sip.start()
    try:
        target = f"127.0.0.1:{switch.port}"
        rate = ("-r", str(RATE), "-d", "200", "-p", str(free_port(transport)))
        process = await sipp("uac", transport, target, *rate, folder=tmp_path)
        assert await ended(process) == 0
        stats = switch.sip.stats()
        assert (stats.sessions_in, stats.faults, stats.unparsable) == (CALLS, 0, 0)
        assert sum(isinstance(event, HungUp) for event in switch.events) == CALLS
        assert switch.sip.sessions() == ()
    finally:
        await switch.sip.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_calls_to_sipp_are_answered_and_end(transport: str, tmp_path: Path) -> None:
    switch, port = Switch(transport), free_port(transport)
    await switch.sip.start()
    process = await sipp("uas", transport, "-p", str(port), folder=tmp_path)
    try:
        await asyncio.sleep(0.5)
        sessions: list[Session] = []

        def answered(event: SessionEvent) -> None:
            switch.told(event)

        for number in range(CALLS):
            sessions.append(
                switch.sip.invite(
                    leg=LegId(f"leg-{number}"),
                    destination=Uri.parse(f"sip:service@127.0.0.1:{port};transport={transport}"),
                    from_=Address.parse("<sip:switch@127.0.0.1>"),
                    to=Address.parse(f"<sip:service@127.0.0.1:{port}>"),
                    sdp=description(40000),
                    on_event=answered,
                )
            )
            await asyncio.sleep(0.005)
        async with asyncio.timeout(10.0):
            while sum(isinstance(event, Answered) for event in switch.events) < CALLS:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        for session in sessions:
            session.hangup()
        assert await ended(process) == 0
        assert switch.sip.stats().faults == 0
    finally:
        if process.returncode is None:
            process.kill()
        await switch.sip.stop()
