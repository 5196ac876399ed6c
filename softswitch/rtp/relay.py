"""What happens to received packets, one round at a time: judged, counted, recorded, listened to, relayed.

A relayed payload leaves bit-exact in the same tick under a new header; only between µ-law and A-law it is translated,
by table. Comfort noise (RFC 3389) is passed on where both have it. What feeds a mix is copied to `mixer.py`. What is no
negotiated payload type, no RTP or no packet of the peer's goes no further than a counter.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch import g711
from softswitch.rtp import statistics, stream
from softswitch.rtp.decoded import DecodedLegs
from softswitch.rtp.demultiplexer import Demultiplexer
from softswitch.rtp.dtmf import EventReceiver
from softswitch.rtp.engine import Arrivals, Engine
from softswitch.rtp.goertzel import ToneDetector
from softswitch.rtp.latch import LatchState
from softswitch.rtp.leg import Leg
from softswitch.rtp.mixer import Mixer
from softswitch.rtp.packet import HEADER_BYTES, Indices, Parsed, parse
from softswitch.rtp.quality import Quality
from softswitch.rtp.recordings import Recordings
from softswitch.rtp.reports import DigitPressed, Report
from softswitch.rtp.table import NOBODY, LegTable

_TRANSLATE: Final = np.stack([g711.ULAW_TO_ALAW, g711.ALAW_TO_ULAW])
_DECODE: Final = np.stack([g711.DECODE_ULAW, g711.DECODE_ALAW])
MOST_PER_S: Final = 400
"""Packets of one leg that are taken in a second: four times what 10 ms packets need. More is a flood, or a loop: two
peers may each name the other's port here as their own, and one packet then goes round for ever."""
BURST_S: Final = 1.0
"""How many seconds' worth may come at once, after a network that held them back."""

_NONE: Final = np.zeros(0, np.bool_)

Slots = npt.NDArray[np.int32]


class Relay:
    def __init__(
        self,
        table: LegTable,
        engine: Engine,
        legs: dict[int, Leg],
        recordings: Recordings,
        quality: Quality,
        demultiplexer: Demultiplexer,
        tones: ToneDetector,
        decoded: DecodedLegs,
        mixer: Mixer,
        report: Callable[[Report], None],
        send_digits: Callable[[Leg, str, float], None],
    ) -> None:
        """`legs` is by slot and is kept up by its owner. `send_digits` makes a key for a peer that takes no events."""
        self._table = table
        self._engine = engine
        self._indices = np.arange(table.capacity)
        self._legs = legs
        self._recordings = recordings
        self._quality = quality
        self._demultiplexer = demultiplexer
        self._tones = tones
        self._decoded = decoded
        self._mixer = mixer
        self._report = report
        self._send_digits = send_digits

    def take(self, arrivals: Arrivals, now: float) -> None:
        """One round: no leg occurs twice."""
        if self._demultiplexer.slots:
            arrivals = self._demultiplexer.take_out(arrivals, now)
        table, slot = self._table, arrivals.slot
        rows = arrivals.packets.array[: len(slot)]
        parsed = parse(rows, arrivals.length)
        rules = table.rules.gather(slot)
        kind = parsed.header["second"] & 0x7F
        event = noise = _NONE
        known = audio = parsed.valid & (kind == rules["audio_type"])
        if not audio.all():
            event = parsed.valid & (kind == rules["event_type"])
            noise = parsed.valid & (kind == rules["noise_type"])
            known = audio | event | noise
        if arrivals.sources:
            known &= self._admit(arrivals, parsed, known, now)
        elif not known.all():
            table.malformed[slot[~known]] += 1
        taken = known & rules["receives"]
        paid = table.paid_until[slot]
        within = paid < now + BURST_S
        if not within.all():
            table.malformed[slot[taken & ~within]] += 1
            taken &= within
        until = np.maximum(paid, now) + 1 / MOST_PER_S
        row, header, payload = self._indices[: len(slot)], parsed.header, parsed.payload
        if not taken.all():
            row = np.flatnonzero(taken)
            slot, header, payload, until = slot[row], header[row], payload[row], until[row]
        if not row.size:
            return
        fresh = statistics.receive(table, slot, header, payload, now, until)
        if not fresh.all():
            row, slot, header, payload = row[fresh], slot[fresh], header[fresh], payload[fresh]
        pauses = None
        heard = audio[row]
        if heard.all():
            self._listen(rows, row, slot, header, payload, now)
        else:
            self._listen(rows, row[heard], slot[heard], header[heard], payload[heard], now)
            keys, pauses = event[row], noise[row]
            self._events(rows, row[keys], slot[keys], header[keys], payload[keys], now)
        if pauses is not None and self._mixer.speakers:
            for at in np.flatnonzero(pauses).tolist():
                level = rows[row[at], HEADER_BYTES : HEADER_BYTES + int(payload[at])][:1].tobytes()
                self._mixer.take_noise(int(slot[at]), level)
        self._forward(arrivals, row, slot, header, payload, heard, pauses, now)

    def _admit(
        self, arrivals: Arrivals, parsed: Parsed, known: npt.NDArray[np.bool_], now: float
    ) -> npt.NDArray[np.bool_]:
        """Which rows come from whom they should; counts the others, and locks legs that have learnt their peer."""
        table = self._table
        admitted = np.ones(len(known), np.bool_)
        for row, source in arrivals.sources.items():
            slot = int(arrivals.slot[row])
            latch = self._legs[slot].latch
            was = latch.state
            if was == LatchState.LEARNING and not known[row]:
                admitted[row] = False
                table.malformed[slot] += 1
            elif was == LatchState.LEARNING and not table.receives[slot]:
                admitted[row] = False  # who is on hold says nothing: whatever comes now is somebody else's
                table.strangers[slot] += 1
            elif not latch.admit(source, int(parsed.header["ssrc"][row]), now):
                admitted[row] = False
                table.strangers[slot] += 1
            if latch.state != was and latch.peer is not None:
                # A source that cannot be connected to (link-local IPv6): the latch goes on judging each packet.
                with suppress(OSError):
                    self._engine.lock(slot, latch.peer)
        table.malformed[arrivals.slot[admitted & ~known]] += 1
        return admitted

    def _listen(
        self, rows: npt.NDArray[np.uint8], row: Indices, slot: Slots, header: npt.NDArray[np.void],
        payload: npt.NDArray[np.int32], now: float,
    ) -> None:  # fmt: skip
        """Measure, record and search for tones in audio."""
        table = self._table
        statistics.measure_jitter(table, slot, header["timestamp"], now)
        self._quality.time(table, slot)
        if self._mixer.speakers:
            self._mixer.take(rows, row, slot, header, payload, now)
        if self._decoded.slots:
            rows, row, slot, header, payload = self._decoded.as_g711(rows, row, slot, header, payload)
        self._quality.meter(rows, row, slot, header, payload)
        if len(self._recordings):
            self._recordings.take(rows, row, slot, payload, header, now)
        listener = table.inband[slot]
        if (listener != NOBODY).any():
            chosen = np.flatnonzero(listener != NOBODY)
            length = payload[chosen]
            coded = rows[row[chosen], HEADER_BYTES : HEADER_BYTES + int(length.max())]
            alaw = (table.law[slot[chosen]] == g711.PCMA).astype(np.intp)
            samples = _DECODE[alaw[:, None], coded]
            slot_of = dict(zip(listener[chosen].tolist(), slot[chosen].tolist(), strict=True))
            for key_row, digit in self._tones.feed(listener[chosen], samples, length):
                self._report(DigitPressed(leg=self._legs[slot_of[key_row]].id, digit=digit, method="inband"))

    def _events(
        self, rows: npt.NDArray[np.uint8], row: Indices, slot: Slots, header: npt.NDArray[np.void],
        payload: npt.NDArray[np.int32], now: float,
    ) -> None:  # fmt: skip
        for at, where in enumerate(row.tolist()):
            leg = self._legs[int(slot[at])]
            data = rows[where, HEADER_BYTES : HEADER_BYTES + int(payload[at])].tobytes()
            leg.events = leg.events or EventReceiver()
            digit = leg.events.packet(int(header["ssrc"][at]), int(header["timestamp"][at]), data)
            if digit is None:
                continue
            self._report(DigitPressed(leg=leg.id, digit=digit, method="rfc4733"))
            partner = int(self._table.partner[leg.slot])
            if partner != NOBODY:
                if self._table.event_type[partner] == NOBODY:
                    self._send_digits(self._legs[partner], digit, now)
            elif leg.keys_to is not None:
                self._send_digits(leg.keys_to, digit, now)

    def _forward(
        self, arrivals: Arrivals, row: Indices, slot: Slots, header: npt.NDArray[np.void],
        payload: npt.NDArray[np.int32], audio: npt.NDArray[np.bool_], pauses: npt.NDArray[np.bool_] | None,
        now: float,
    ) -> None:  # fmt: skip
        table, rows = self._table, arrivals.packets.array
        out = table.partner[slot]
        theirs = table.rules.gather(out)
        kind = theirs["audio_type"]
        if pauses is not None:
            kind = np.where(audio, kind, np.where(pauses, theirs["noise_type"], theirs["event_type"]))
        goes = (out != NOBODY) & theirs["sends"] & ~theirs["own"] & (kind != NOBODY)
        if not goes.all():
            if not goes.any():
                return
            row, slot, header, payload = row[goes], slot[goes], header[goes], payload[goes]
            audio, out, kind = audio[goes], out[goes], kind[goes]
            theirs = table.rules.gather(out)
        differs = audio & (table.law[slot] != theirs["law"])
        if differs.any():
            differs = np.flatnonzero(differs)
            width = HEADER_BYTES + int(payload[differs].max())
            alaw = (table.law[slot[differs]] == g711.PCMA).astype(np.intp)
            coded = rows[row[differs], HEADER_BYTES:width]
            rows[row[differs], HEADER_BYTES:width] = _TRANSLATE[alaw[:, None], coded]
        source = slot.astype(np.int64) << 32 | header["ssrc"].astype(np.int64)
        written = stream.relay(table, out, source, header, payload, kind, theirs["clock"], now)
        rows[row, :HEADER_BYTES] = written.view(np.uint8).reshape(-1, HEADER_BYTES)
        self._engine.send(arrivals.packets, row, out, payload + np.int32(HEADER_BYTES))
