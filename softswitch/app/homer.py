"""Sends every message to Homer: encoded by `trace/hep`, bounded in rate and in what waits, never waited for."""

import asyncio
import json
import socket
from collections import Counter, deque
from collections.abc import Callable

import structlog

from softswitch.config.tracing import Homer, homer_address
from softswitch.facts import LegEnded
from softswitch.trace.hep import REPORT, HepPacket, HepSettings, encode
from softswitch.trace.masking import masked
from softswitch.trace.memory import Dialogue, Recorded

WAITING_BYTES = 4 << 20
"""Written to a TCP connection and not taken by Homer yet; more is not sent."""
WAITING_PACKETS = 1000
RECONNECT_S = 5.0
Ends = Callable[[Recorded], tuple[tuple[str, int], tuple[str, int]]]

_log = structlog.get_logger(__name__)


class HomerExport:
    """`ends` says from where to where a message went."""

    def __init__(self, config: Homer, ends: Ends, monotonic: Callable[[], float]) -> None:
        self.counts: Counter[str] = Counter()
        """`sent`, and what was not, by its reason."""
        self._config = config
        self._ends = ends
        self._monotonic = monotonic
        self._second = 0.0
        self._in_second = 0
        self._datagrams: asyncio.DatagramTransport | None = None
        self._stream: asyncio.WriteTransport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._open_again_at = 0.0
        self._waiting: deque[bytes] = deque(maxlen=WAITING_PACKETS)
        """Until there is a connection; the oldest go."""

    @property
    def on(self) -> bool:
        return bool(self._config.address)

    def reconfigure(self, config: Homer) -> None:
        if config != self._config:
            self._config = config
            self.close()

    def close(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
        for transport in (self._datagrams, self._stream):
            if transport is not None:
                transport.close()
        self._datagrams = self._stream = self._opening = None
        self._open_again_at = 0.0

    def message(self, dialogue: Dialogue, record: Recorded, *codes: str) -> None:
        if not self._may():
            return
        at, _, data, peer = record
        sender, receiver = self._ends(record)
        correlation = dialogue.call or dialogue.call_id.decode("utf-8", "replace")
        self._send(
            HepPacket(
                at=at,
                transport=peer.transport,
                sender=sender,
                receiver=receiver,
                payload=masked(data, *codes),
                correlation=correlation,
            )
        )

    def quality(self, fact: LegEnded) -> None:
        """The figures of a leg that has ended."""
        if not self._config.quality or not self._may():
            return
        figures = {
            "type": "final",
            "call": fact.call,
            "leg": fact.leg,
            "direction": fact.direction,
            "codec": fact.codec,
            "packets": fact.packets,
            "loss": round(fact.loss, 4),
            "jitter_ms": round(fact.jitter_s * 1000, 1),
            "mos": fact.mos,
            "rtt_ms": None if fact.rtt_s is None else round(fact.rtt_s * 1000, 1),
        }
        here = ("127.0.0.1", 0)
        packet = HepPacket(
            at=fact.wall,
            transport="udp",
            sender=here,
            receiver=here,
            payload=json.dumps(figures).encode(),
            correlation=fact.call,
            kind=REPORT,
        )
        self._send(packet)

    def _may(self) -> bool:
        """No more than `rate` in one second."""
        now = self._monotonic()
        if now - self._second >= 1.0:
            self._second, self._in_second = now, 0
        if self._in_second >= self._config.rate:
            self.counts["too many a second"] += 1
            return False
        self._in_second += 1
        return True

    def _send(self, packet: HepPacket) -> None:
        settings = HepSettings(capture_id=self._config.capture_id, password=self._config.password)
        try:
            data = encode(packet, settings)
        except ValueError:
            self.counts["no address"] += 1
            return
        if not self._ready():
            self.counts["not connected"] += len(self._waiting) == WAITING_PACKETS
            self._waiting.append(data)
            return
        while self._waiting:
            self._write(self._waiting.popleft())
        self._write(data)

    def _write(self, data: bytes) -> None:
        if self._datagrams is not None:
            self._datagrams.sendto(data)
        elif self._stream is not None:
            if self._stream.get_write_buffer_size() > WAITING_BYTES:
                self.counts["Homer is slow"] += 1
                return
            self._stream.write(data)
        self.counts["sent"] += 1

    def _ready(self) -> bool:
        """Whether something can be sent; else a connection is begun."""
        transport = self._datagrams or self._stream
        if transport is not None and not transport.is_closing():
            return True
        now = self._monotonic()
        if (self._opening is None or self._opening.done()) and now >= self._open_again_at:
            self._open_again_at = now + RECONNECT_S
            self._opening = asyncio.get_running_loop().create_task(self._open(), name="homer")
        return False

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        kind, host, port = homer_address(self._config.address)
        try:
            async with asyncio.timeout(RECONNECT_S):
                if kind == "udp":
                    self._datagrams, _ = await loop.create_datagram_endpoint(
                        asyncio.DatagramProtocol, remote_addr=(host, port), family=socket.AF_UNSPEC
                    )
                else:
                    self._stream, _ = await loop.create_connection(asyncio.Protocol, host, port)
        except (OSError, TimeoutError) as error:
            _log.warning("Homer cannot be reached", address=self._config.address, problem=str(error))
