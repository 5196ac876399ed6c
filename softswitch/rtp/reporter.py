"""What is told on slow clocks: RTCP of every leg, how good its audio is, peers that fell silent, packet totals."""

from collections.abc import Callable
from math import inf
from typing import Final

import numpy as np

from softswitch.rtp import rtcp, statistics
from softswitch.rtp.commands import SetPeer
from softswitch.rtp.draws import Draws
from softswitch.rtp.engine import Engine
from softswitch.rtp.leg import Leg
from softswitch.rtp.quality import Quality
from softswitch.rtp.quality_rules import Change, QualityRules
from softswitch.rtp.reports import LegStats, PeerSilent, QualityAlarm, Report
from softswitch.rtp.table import LegTable

LOOK_S: Final = 0.25
"""How often the slow clocks are looked at."""
CNAME_BYTES: Final = 12
"""RFC 7022 wants 96 bits."""


class Reporter:
    def __init__(
        self,
        table: LegTable,
        engine: Engine,
        legs: dict[int, Leg],
        quality: Quality,
        rules: QualityRules,
        silent_s: float,
        report: Callable[[Report], None],
        draws: Draws,
    ) -> None:
        """`legs` is by slot and is kept up by its owner."""
        self._table = table
        self._engine = engine
        self._legs = legs
        self._quality = quality
        self._rules = rules
        self._silent_s = silent_s
        self._silent: set[Leg] = set()
        """Those that were told of."""
        self._report = report
        self._draws = draws
        self._look_at = 0.0
        self._closed_in = 0
        self._closed_out = 0
        self._wall_ahead = 0.0

    @property
    def look_at(self) -> float:
        """When the slow clocks are looked at next."""
        return self._look_at

    @property
    def packets(self) -> tuple[int, int]:
        """Received and sent so far, by open and closed legs."""
        used = self._table.used
        received = int(self._table.packets_in[:used].sum())
        return self._closed_in + received, self._closed_out + int(self._table.packets_out[:used].sum())

    def stats(self, leg: Leg, now: float) -> LegStats:
        """All figures of a leg."""
        table, slot, session = self._table, leg.slot, leg.rtcp
        self.count_strangers()
        packets_in = table.packets_in.item(slot)
        if not (packets_in or session.heard):
            return self._unheard(leg, now)
        clock = table.clock.item(slot)
        heard = self._quality.figures(table, slot)
        return LegStats(
            leg=leg.id,
            packets_in=packets_in,
            packets_out=table.packets_out.item(slot),
            bytes_in=table.bytes_in.item(slot),
            lost=statistics.lost(table, slot),
            out_of_order=table.out_of_order.item(slot),
            duplicates=table.duplicates.item(slot),
            malformed=table.malformed.item(slot),
            strangers=table.strangers.item(slot),
            jitter_ms=table.jitter.item(slot) * 1000 / clock,
            silent_s=max(0.0, now - table.last_in.item(slot)),
            peer_lost=session.peer_lost,
            peer_jitter_ms=session.peer_jitter * 1000 / clock,
            late=heard.late,
            mos=heard.mos,
            mos_now=heard.mos_now,
            loss_now=heard.loss_now,
            rtt_ms=heard.rtt_ms,
            level_db=heard.level_db,
            peak_db=heard.peak_db,
            clipped_share=heard.clipped_share,
            silence_share=heard.silence_share,
            quiet_s=heard.quiet_s,
            talk_s=heard.talk_s,
            talk_share=heard.talk_share,
            overlap_s=heard.overlap_s,
            interruptions=heard.interruptions,
            reached=session.reached,
            alarms=self._rules.kinds(slot),
        )

    def _unheard(self, leg: Leg, now: float) -> LegStats:
        """Of one whose peer has sent nothing. A value of thirty fields takes many times as long as the few it has."""
        table, slot = self._table, leg.slot
        silence_share, quiet_s, talk_share = self._quality.silence(slot)
        return LegStats(
            leg=leg.id,
            packets_in=0,
            packets_out=table.packets_out.item(slot),
            bytes_in=0,
            lost=0,
            out_of_order=0,
            duplicates=0,
            malformed=table.malformed.item(slot),
            strangers=table.strangers.item(slot),
            jitter_ms=0.0,
            silent_s=max(0.0, now - table.last_in.item(slot)),
            silence_share=silence_share,
            quiet_s=quiet_s,
            talk_share=talk_share,
            alarms=self._rules.kinds(slot),
        )

    def leg_agrees(self, leg: Leg, command: SetPeer) -> None:
        """What was negotiated with its peer."""
        leg.rtcp.port = command.rtcp_port
        self._quality.agree(leg.slot, command.codec)
        if command.comfort_noise_type is not None or "usedtx=1" in command.format_parameters:
            self._rules.may_pause(leg.slot)

    def talk_begins(self, *legs: Leg) -> None:
        """They are judged from now on, whatever they have heard of each other before."""
        for leg in legs:
            self._quality.begin_anew(leg.slot)

    def leg_closes(self, leg: Leg, now: float) -> LegStats:
        """Say BYE to a peer that has had reports, and forget it; its last figures."""
        last = self.stats(leg, now)
        self._closed_in += last.packets_in
        self._closed_out += last.packets_out
        if leg.rtcp.reported:
            self._send(leg, now, now + self._wall_ahead, bye=True)
        self._quality.forget_samples(leg.slot)
        self._silent.discard(leg)
        return last

    def count_strangers(self) -> None:
        for slot, count in self._engine.strangers().items():
            self._table.strangers[slot] += count

    def control(self, slot: int, data: bytes, now: float) -> None:
        """An RTCP packet that came from the leg's peer."""
        leg = self._legs[slot]
        table, session = self._table, leg.rtcp
        read = session.take(
            data, int(table.ssrc_out[slot]), int(table.packets_out[slot]), now, now + self._wall_ahead
        )
        if not read:
            return
        self._rules.reached(slot, session.reached)
        if session.round_trip_s is not None:
            self._quality.rtt_ms[slot] = session.round_trip_s * 1000

    def tick(self, now: float, wall: float) -> None:
        self._wall_ahead = wall - now
        for slot, data, source in self._engine.receive_control():
            leg = self._legs.get(slot)
            if leg is not None and leg.latch.peer is not None and source[0] == leg.latch.peer[0]:
                self.control(slot, data, now)
        if now < self._look_at:
            return
        self._look_at = now + LOOK_S
        self.count_strangers()
        for leg in self._legs.values():
            if (
                leg.rtcp.due <= now
                and leg.latch.peer is not None
                and leg.rtcp.schedule(now, self._draws.chance())
            ):
                self._send(leg, now, wall)
        self._quality.look(self._table, now)
        for change in self._rules.judge(self._table, self._quality, now):
            self._tell(change, now)
        if self._silent_s:
            self._find_silent(now)

    def _tell(self, change: Change, now: float) -> None:
        leg, quality, slot = self._legs.get(change.slot), self._quality, change.slot
        if leg is None:
            return
        peer = leg.latch.peer
        silent_s = now - max(float(self._table.last_in[slot]), float(quality.engaged_since[slot]))
        self._report(
            QualityAlarm(
                leg=leg.id,
                kind=change.kind.word,
                raised=change.raised,
                reason=change.reason,
                peer=peer[0] if peer is not None else "",
                silent_s=silent_s,
                quiet_s=float(quality.quiet_s[slot]),
                loss=float(quality.loss_now[slot]),
                reordered=float(quality.reordered_now[slot]),
                jitter_ms=float(quality.jitter_ms[slot]),
                mos=quality.last_mos(slot),
            )
        )

    def _find_silent(self, now: float) -> None:
        table, used = self._table, self._table.used
        silent = table.receives[:used] & (now - table.last_in[:used] > self._silent_s)
        for leg in tuple(self._silent):
            if not silent[leg.slot]:
                leg.silent_told = -inf
                self._silent.discard(leg)
        for slot in np.flatnonzero(silent).tolist():
            leg = self._legs[slot]
            if now - leg.silent_told >= self._silent_s:
                # Again and again: who was told first may be gone, or have had a reason to wait that is over.
                leg.silent_told = now
                self._silent.add(leg)
                self._report(PeerSilent(leg=leg.id, silent_s=now - float(table.last_in[slot])))

    def _send(self, leg: Leg, now: float, wall: float, *, bye: bool = False) -> None:
        """A sender report when something was sent since the last, else a receiver report when something was heard."""
        table, slot, session = self._table, leg.slot, leg.rtcp
        peer, packets = leg.latch.peer, int(table.packets_out[slot])
        if peer is None or not (table.sends[slot] or bye):
            return
        sender = None
        if packets > session.sent_before:
            session.sent_before = packets
            passed = int((now - float(table.sent_at[slot])) * float(table.clock[slot]))
            timestamp = int(table.sent_timestamp[slot]) + passed
            octets = int(table.octets_out[slot])
            sender = rtcp.SenderInfo(wall=wall, timestamp=timestamp, packets=packets, octets=octets)
        block = self._block(leg, now) if table.heard[slot] else None
        if sender is None and block is None and not bye:
            return
        if not session.cname:  # of those who report only; RFC 7022 wants it to say nothing of anybody
            session.cname = self._draws.octets(CNAME_BYTES).hex()
        data = session.report(int(table.ssrc_out[slot]), sender, block, bye=bye)
        if table.muxed[slot]:
            self._engine.send_control(slot, data, peer, muxed=True)
        else:
            self._engine.send_control(slot, data, (peer[0], session.port or peer[1] + 1))

    def _block(self, leg: Leg, now: float) -> rtcp.ReportBlock:
        table, slot = self._table, leg.slot
        lost = statistics.lost(table, slot)
        received = int(table.packets_in[slot]) - int(table.duplicates[slot])
        highest = int(table.highest[slot]) & 0xFFFF_FFFF
        jitter = float(table.jitter[slot])
        return leg.rtcp.block(int(table.ssrc_in[slot]), received + lost, received, highest, jitter, now)
