"""What is told on slow clocks: RTCP reports of every leg each five seconds, peers that fell silent, packet totals."""

from collections.abc import Callable
from typing import Final

from softswitch.rtp import rtcp, statistics
from softswitch.rtp.engine import Engine
from softswitch.rtp.leg import Leg
from softswitch.rtp.reports import PeerSilent, Report
from softswitch.rtp.table import LegTable

LOOK_S: Final = 0.25
"""How often the slow clocks are looked at."""


class Reporter:
    def __init__(
        self,
        table: LegTable,
        engine: Engine,
        legs: dict[int, Leg],
        silent_s: float,
        report: Callable[[Report], None],
    ) -> None:
        """`legs` is by slot and is kept up by its owner."""
        self._table = table
        self._engine = engine
        self._legs = legs
        self._silent_s = silent_s
        self._report = report
        self._look_at = 0.0
        self._closed_in = 0
        self._closed_out = 0

    @property
    def packets(self) -> tuple[int, int]:
        """Received and sent so far, by open and closed legs."""
        used = self._table.used
        received = int(self._table.packets_in[:used].sum())
        return self._closed_in + received, self._closed_out + int(self._table.packets_out[:used].sum())

    def leg_closes(self, leg: Leg) -> None:
        self._closed_in += int(self._table.packets_in[leg.slot])
        self._closed_out += int(self._table.packets_out[leg.slot])

    def count_strangers(self) -> None:
        for slot, count in self._engine.strangers().items():
            self._table.strangers[slot] += count

    def tick(self, now: float, wall: float) -> None:
        for slot, data, source in self._engine.receive_control():
            leg = self._legs.get(slot)
            if leg is not None and leg.latch.peer is not None and source[0] == leg.latch.peer[0]:
                leg.rtcp.take(data, int(self._table.ssrc_out[slot]), now)
        if now < self._look_at:
            return
        self._look_at = now + LOOK_S
        self.count_strangers()
        for leg in self._legs.values():
            if leg.rtcp.due <= now:
                leg.rtcp.due = now + rtcp.INTERVAL_S
                self._send(leg, now, wall)
        if self._silent_s:
            self._find_silent(now)

    def _find_silent(self, now: float) -> None:
        table, used = self._table, self._table.used
        silent = table.receives[:used] & (now - table.last_in[:used] > self._silent_s)
        for slot, leg in self._legs.items():
            if silent[slot] and not leg.silent_told:
                self._report(PeerSilent(leg=leg.id, silent_s=now - float(table.last_in[slot])))
            leg.silent_told = bool(silent[slot])

    def _send(self, leg: Leg, now: float, wall: float) -> None:
        """A sender report when something was sent since the last, else a receiver report when something was heard."""
        table, slot, session = self._table, leg.slot, leg.rtcp
        peer, packets = leg.latch.peer, int(table.packets_out[slot])
        if peer is None or not table.sends[slot]:
            return
        sender = None
        if packets > session.sent_before:
            session.sent_before = packets
            passed = int((now - float(table.sent_at[slot])) * float(table.clock[slot]))
            timestamp = int(table.sent_timestamp[slot]) + passed
            octets = int(table.octets_out[slot])
            sender = rtcp.SenderInfo(wall=wall, timestamp=timestamp, packets=packets, octets=octets)
        block = self._block(leg, now) if table.heard[slot] else None
        if sender is None and block is None:
            return
        ssrc = int(table.ssrc_out[slot])
        data = rtcp.compound(ssrc, sender, block, f"{ssrc:08x}")
        self._engine.send_control(slot, data, (peer[0], peer[1] + 1))

    def _block(self, leg: Leg, now: float) -> rtcp.ReportBlock:
        table, slot = self._table, leg.slot
        lost = statistics.lost(table, slot)
        received = int(table.packets_in[slot]) - int(table.duplicates[slot])
        highest = int(table.highest[slot]) & 0xFFFF_FFFF
        jitter = float(table.jitter[slot])
        return leg.rtcp.block(int(table.ssrc_in[slot]), received + lost, received, highest, jitter, now)
