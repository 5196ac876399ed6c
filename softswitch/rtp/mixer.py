"""Sums: on the clock of each group of legs, what its speakers say times the gains of those who hear sums.

Only groups that somebody hears a sum of have a clock, and only speakers of such sums an intake. The whole of a group is one
matrix product a step; a step is 20 ms, or 10 where somebody's packets are no multiple of that. The rate is 8 kHz among
narrowband legs, else 16. A prompt is added over the ducked sum of the one who is to hear it.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch import g711
from softswitch.rtp.codecs import CodecMissing
from softswitch.rtp.departures import ROWS, Departures
from softswitch.rtp.engine import Engine
from softswitch.rtp.group import F32, I16, Group, Listener
from softswitch.rtp.leg import Leg
from softswitch.rtp.packet import HEADER_BYTES, Indices, Rows
from softswitch.rtp.playout import DUCK, Playout
from softswitch.rtp.prompt import SAMPLE_RATE
from softswitch.rtp.reports import CommandRefused, Report
from softswitch.rtp.speaker import Speaker
from softswitch.rtp.table import LegTable

MAX_LATE_S: Final = 0.2
"""After a longer stall the clock begins anew instead of sending a burst."""
MAX_STEPS: Final = 3
"""Of one group in one tick, after a short stall."""
PHASES: Final = 4
PHASE_S: Final = 0.005
"""Groups that begin together do not all work in the same tick."""
_ENCODE: Final = np.stack([g711.ENCODE_ULAW, g711.ENCODE_ALAW])


class Mixer:
    def __init__(
        self, table: LegTable, engine: Engine, playout: Playout, report: Callable[[Report], None]
    ) -> None:
        self._table = table
        self._playout = playout
        self._report = report
        self._departures = Departures(table, engine)
        self._groups: dict[int, Group] = {}
        """Those that have a clock, by identity."""
        self._begun = 0
        self.speakers: dict[int, Speaker] = {}
        """By slot: whose packets are wanted here."""

    @property
    def active(self) -> bool:
        """Some group has a clock."""
        return bool(self._groups)

    def take(
        self, rows: Rows, row: Indices, slot: npt.NDArray[np.int32], header: npt.NDArray[np.void],
        payload: npt.NDArray[np.int32], now: float,
    ) -> None:  # fmt: skip
        """Copy what speakers say of the audio packets `row`, of legs `slot`."""
        tapped = np.flatnonzero(self._table.tapped[slot])
        header = header[tapped]
        whose, where = slot[tapped].tolist(), row[tapped].tolist()
        sizes, sources = payload[tapped].tolist(), header["ssrc"].tolist()
        numbers, times = header["sequence"].tolist(), header["timestamp"].tolist()
        for leg, at, size, ssrc, number, time in zip(
            whose, where, sizes, sources, numbers, times, strict=True
        ):
            data = rows[at, HEADER_BYTES : HEADER_BYTES + size].tobytes()
            self.speakers[leg].put(ssrc, number, time, data, now)

    def take_noise(self, slot: int, payload: bytes) -> None:
        """Comfort noise of one leg (RFC 3389)."""
        if (speaker := self.speakers.get(slot)) is not None:
            speaker.put_noise(payload)

    def update(self, group: Group, now: float) -> None:
        """After everything that may change for whom sums are made in a group, or of whom."""
        listening = [at for at, leg in enumerate(group.legs) if leg.summed]
        if not listening and not group.listeners and not group.speakers:
            return  # nobody hears a sum, now as before: each call's bridge
        heard = np.flatnonzero((group.gains[listening] != 0).any(axis=0)).tolist() if listening else []
        group.rate = max(
            (max(leg.codec.rate for leg in group.legs), SAMPLE_RATE) if group.legs else [SAMPLE_RATE]
        )
        before = {each.leg.slot: each for each in group.listeners}
        group.listeners = [self._listener(before, group.legs[at], group.rate) for at in listening]
        group.step_ms = 10 if any(each.leg.ptime_ms % 20 for each in group.listeners) else 20
        for each in group.listeners:
            each.align(group.rate * group.step_ms // 1000)
        group.weights = group.gains[np.ix_(listening, heard)] if listening else group.gains[:0, :0]
        self._tap(group, [group.legs[at] for at in heard])
        for leg in group.legs:
            leg.in_sum = leg.summed
        if group.listeners and id(group) not in self._groups:
            self._groups[id(group)] = group
            group.due = now + self._begun % PHASES * PHASE_S
            self._begun += 1
        elif not group.listeners:
            self._groups.pop(id(group), None)

    def tick(self, now: float) -> None:
        for _ in range(MAX_STEPS):
            due = [group for group in self._groups.values() if group.due <= now]
            if not due:
                return
            batches: dict[tuple[int, int], list[tuple[list[Listener], F32]]] = {}
            for group in due:
                if now - group.due > MAX_LATE_S:
                    group.due = now
                group.due += group.step_ms / 1000
                if (sums := self._step(group, now)) is not None:
                    batches.setdefault((group.rate, sums.shape[1]), []).append((group.listeners, sums))
            for (rate, _), batch in batches.items():
                self._depart(batch, rate, now)

    def _listener(self, before: dict[int, Listener], leg: Leg, rate: int) -> Listener:
        known = before.get(leg.slot)
        fresh = Listener(leg, rate)
        same = known is not None and (known.frame, known.by_table) == (fresh.frame, fresh.by_table)
        return known if known is not None and same else fresh

    def _tap(self, group: Group, heard: list[Leg]) -> None:
        """Have an intake for each of `heard`, and for nobody else."""
        old, group.speakers = group.speakers, {}
        for leg in heard:
            speaker = old.pop(leg.slot, None)
            if speaker is None or not speaker.is_for(leg.codec, leg.format_parameters, group.rate):
                speaker = self._speaker(leg, group.rate)
            group.speakers[leg.slot] = speaker
            if speaker is not None:
                self.speakers[leg.slot] = speaker
                self._table.tapped[leg.slot] = True
        for slot in old:
            self.speakers.pop(slot, None)
            self._table.tapped[slot] = False

    def _speaker(self, leg: Leg, rate: int) -> Speaker | None:
        try:
            return Speaker(leg.codec, leg.format_parameters, rate)
        except CodecMissing as error:
            self._report(CommandRefused(command="Mix", problem=str(error), leg=leg.id))
            return None

    def _step(self, group: Group, now: float) -> F32 | None:
        """The next sums of a group, a row for each of its listeners."""
        for leg in [each.leg for each in group.listeners if each.leg.voice.speaking]:
            self._playout.finish(leg, now)
        if not group.listeners:
            return None
        count = group.rate * group.step_ms // 1000
        said = np.zeros((len(group.speakers), count), np.float32)
        for at, speaker in enumerate(group.speakers.values()):
            if speaker is not None:
                said[at] = speaker.read(count, now)
        sums: F32 = group.weights @ said
        for at, listener in enumerate(group.listeners):
            if listener.leg.voice.speaking:
                self._speak_over(listener.leg, sums[at], group.rate)
        return sums

    def _speak_over(self, leg: Leg, under: F32, rate: int) -> None:
        """Put the keys or the prompt of a leg over what it hears, in place."""
        voice = leg.voice
        prompt: I16 = np.zeros(len(under) * SAMPLE_RATE // rate, np.int16)
        if voice.keys is not None:
            voice.keys.fill(prompt)
            under[:] = 0
        elif voice.events is None and voice.play is not None and voice.play.playlist is not None:
            voice.play.playlist.fill(prompt)
            under *= np.float32(DUCK)
        under += leg.outlet.prompt_at(rate, prompt)

    def _depart(self, batch: list[tuple[list[Listener], F32]], rate: int, now: float) -> None:
        """Clip, encode and send the sums of many groups: by table where that is all, else one by one."""
        sums = np.concatenate([each for _, each in batch])
        np.rint(sums, out=sums)
        linear = np.clip(sums, -32768, 32767, out=sums).astype(np.int16)
        listeners = [listener for some, _ in batch for listener in some]
        by_table = [
            at
            for at, each in enumerate(listeners)
            if each.by_table and each.frame == linear.shape[1] and each.leg.voice.events is None
        ]
        for begin in range(0, len(by_table), ROWS):
            self._depart_by_table([listeners[at].leg.slot for at in by_table[begin : begin + ROWS]],
                                  linear[by_table[begin : begin + ROWS]], now)  # fmt: skip
        for at in sorted(set(range(len(listeners))).difference(by_table)):
            listener = listeners[at]
            if listener.leg.voice.events is None and (frame := listener.add(linear[at])) is not None:
                self._depart_alone(listener.leg, frame, rate, now)
        self._departures.flush(now)

    def _depart_by_table(self, slots: list[int], linear: I16, now: float) -> None:
        slot, count = np.array(slots, np.int32), linear.shape[1]
        alaw = (self._table.law[slot] == g711.PCMA).astype(np.intp)
        coded = _ENCODE[alaw[:, None], linear.view(np.uint16)]
        self._departures.packets.array[: len(slot), HEADER_BYTES : HEADER_BYTES + count] = coded
        length = np.full(len(slot), count, np.int32)
        self._departures.send(np.arange(len(slot)), slot, self._table.frame[slot], length, now)

    def _depart_alone(self, leg: Leg, frame: I16, rate: int, now: float) -> None:
        if not self._table.sends[leg.slot]:
            return
        if self._departures.full:
            self._departures.flush(now)
        self._departures.add(leg.slot, leg.outlet.encode(frame, rate))
