"""The clock of what is made here: music, prompts and keys, one packet each packet time for every leg that hears ours.

A leg hears ours while keys are sent to it, while a Play runs, while a mix is made for it, or while it has music and hears
nobody; the table's `own` says so, and relaying to it rests meanwhile. The audio of those a mix is made for leaves by
`mixer.py`, with the prompt in it; their telephone-events leave here. With none of these nothing is sent: a peer tells
silence from a dead line by RTCP. A Play goes on while the peer holds us or is not known yet, so that it always ends.
"""

from collections.abc import Callable
from math import inf
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch import g711
from softswitch.rtp import stream
from softswitch.rtp.departures import MAX_PAYLOAD, ROWS, Departures
from softswitch.rtp.dtmf import DIGITS, EventSender
from softswitch.rtp.engine import Engine, PacketRows
from softswitch.rtp.group import Group
from softswitch.rtp.leg import Leg
from softswitch.rtp.packet import HEADER_BYTES
from softswitch.rtp.prompt import SAMPLE_RATE, Prompt, PromptLibrary, PromptProblem
from softswitch.rtp.reports import CommandRefused, PlayEnded, Report
from softswitch.rtp.table import NOBODY, LegTable
from softswitch.rtp.tones import SCHEME, tone
from softswitch.rtp.voice import Play, Playlist

MAX_LATE_S: Final = 0.2
"""After a longer stall the clock begins anew instead of sending a burst."""
DUCK: Final = 0.2
"""Music, or whom one hears, under a prompt."""
EVENT_S: Final = 0.02

_ENCODE: Final = np.stack([g711.ENCODE_ULAW, g711.ENCODE_ALAW])

I16 = npt.NDArray[np.int16]
I32 = npt.NDArray[np.int32]


class Playout:
    def __init__(
        self,
        table: LegTable,
        engine: Engine,
        legs: dict[int, Leg],
        library: PromptLibrary,
        report: Callable[[Report], None],
    ) -> None:
        """`legs` is by slot and is kept up by its owner."""
        self._table = table
        self._engine = engine
        self._legs = legs
        self._library = library
        self._report = report
        self._departures = Departures(table, engine)
        self._packets = self._departures.packets
        self._events = PacketRows(1)
        self._over = np.zeros((ROWS, MAX_PAYLOAD), np.int16)
        self._under = np.zeros((ROWS, MAX_PAYLOAD), np.int16)
        self._loading: set[int] = set()
        self._made: set[int] = set()
        """Slots whose `own` is set: for whom something is made here."""
        self.regroup: Callable[[Group, float], None] = lambda group, now: None
        """Called when a leg of a group begins or ceases to need a mix."""

    def music(self, leg: Leg, path: str | None, now: float) -> None:
        voice = leg.voice
        if path == voice.music_path:
            return
        if path is not None and leg.why_silent:
            self._report(CommandRefused(command="Music", problem=leg.why_silent, leg=leg.id))
            return
        voice.music_path, voice.music, voice.music_position = path, None, 0
        self._load(leg)
        self.refresh(leg, now)

    def play(self, leg: Leg, number: int, prompts: tuple[str, ...], now: float) -> None:
        self.stop_play(leg, now)
        if leg.why_silent:
            self._report(PlayEnded(leg=leg.id, play=number, completed=False, problem=leg.why_silent))
            return
        leg.voice.play = Play(number, prompts)
        self._load(leg)
        self.refresh(leg, now)

    def stop_play(self, leg: Leg, now: float) -> None:
        if (play := leg.voice.play) is not None:
            leg.voice.play = None
            self._report(PlayEnded(leg=leg.id, play=play.number, completed=False, problem=play.problem))
            self.refresh(leg, now)

    def send_digits(self, leg: Leg, digits: str, now: float) -> None:
        voice = leg.voice
        if self._table.event_type[leg.slot] != NOBODY:
            if voice.events is None:
                voice.events = EventSender(digits)
            else:
                voice.events.add(digits)
        elif leg.why_silent:
            self._report(CommandRefused(command="SendDigits", problem=leg.why_silent, leg=leg.id))
        else:
            keys = [tone(f"{SCHEME}dtmf-{digit}") for digit in digits.upper() if digit in DIGITS]
            if voice.keys is None:
                voice.keys = Playlist([])
            voice.keys.add([key for key in keys if isinstance(key, Prompt)])
        self.refresh(leg, now)

    def negotiated(self, leg: Leg, now: float) -> None:
        """End what cannot be sent any more after a new offer and answer: keys as events without their payload type, and
        all that is made here where nothing can be made in the new codec."""
        voice = leg.voice
        if voice.events is not None and self._table.event_type[leg.slot] == NOBODY:
            voice.events = None
            stream.begin_anew(self._table, leg.slot)
        if leg.why_silent:
            voice.keys = None
            if voice.play is not None:
                voice.play.problem = leg.why_silent
            self.stop_play(leg, now)
            if voice.music_path is not None:
                voice.music_path = voice.music = None
                self._report(CommandRefused(command="Music", problem=leg.why_silent, leg=leg.id))
        self.refresh(leg, now)

    def refresh(self, leg: Leg, now: float) -> None:
        """Work out whether the leg's stream is made here; after everything that may change it."""
        voice, table, slot = leg.voice, self._table, leg.slot
        if voice.silent and not leg.in_sum and (leg.sole or not leg.hears):
            self._make(slot, False)
            return
        if leg.group is not None and leg.summed != leg.in_sum:
            self.regroup(leg.group, now)
        own = voice.sending or voice.playing or leg.in_sum or (voice.music is not None and not leg.hears)
        mixed = leg.in_sum and voice.events is None
        if own and not (table.own[slot] and mixed == (table.due[slot] == inf)):
            table.due[slot] = inf if mixed else now
            stream.begin_anew(table, slot)
        self._make(slot, own)

    def _make(self, slot: int, own: bool) -> None:
        if own != (slot in self._made):
            (self._made.add if own else self._made.discard)(slot)
            self._table.own[slot] = own

    def leg_closes(self, leg: Leg) -> None:
        self._made.discard(leg.slot)

    @property
    def active(self) -> bool:
        """Something is made here for some leg, or is being loaded for one."""
        return bool(self._loading or self._made)

    def tick(self, now: float) -> None:
        for slot in tuple(self._loading):
            leg = self._legs.get(slot)
            if leg is None:
                self._loading.discard(slot)
            else:
                self._load(leg)
                self.refresh(leg, now)
        used = self._table.used
        due = np.flatnonzero(self._table.own[:used] & (self._table.due[:used] <= now)).astype(np.int32)
        for begin in range(0, len(due), ROWS):
            self._round(due[begin : begin + ROWS], now)

    def _load(self, leg: Leg) -> None:
        """Ask for the files of a leg; remember it while they are not there."""
        voice = leg.voice
        if voice.music_path is not None and voice.music is None:
            found = self._library.get(voice.music_path)
            if isinstance(found, PromptProblem) or (found is not None and not len(found)):
                voice.music_path = None
                problem = found.problem if isinstance(found, PromptProblem) else "the music is empty"
                self._report(CommandRefused(command="Music", problem=problem, leg=leg.id))
            else:
                voice.music = found
        if voice.play is not None and voice.play.playlist is None:
            voice.play.load(self._library)
        (self._loading.add if voice.loading else self._loading.discard)(leg.slot)

    def _round(self, due: I32, now: float) -> None:
        table = self._table
        table.due[due[now - table.due[due] > MAX_LATE_S]] = now
        clock = table.clock[due]
        ticks = table.frame[due]
        samples = np.minimum(ticks * (SAMPLE_RATE / clock), MAX_PAYLOAD).astype(np.int32)
        length = samples.copy()
        audio: list[int] = []
        mixed: list[int] = []
        for row, (slot, count) in enumerate(zip(due.tolist(), samples.tolist(), strict=True)):
            leg = self._legs[slot]
            if leg.voice.events is not None:
                ticks[row] = EVENT_S * clock[row]
                self._event(leg, now)
            elif self.finish(leg, now) and not leg.in_sum:
                audio.append(row)
                if table.foreign[slot]:
                    length[row] = self._encoded(leg, row, count)
                elif self._frame(leg, row, count):
                    mixed.append(row)
        table.due[due] += ticks / clock
        if mixed:
            self._mix(np.array(mixed), due, samples)
        if audio:
            rows = np.array(audio)
            self._departures.send(rows, due[rows], ticks[rows], length[rows], now)

    def finish(self, leg: Leg, now: float) -> bool:
        """End what was heard to its end; whether there is still something to hear."""
        voice = leg.voice
        if voice.keys is not None and voice.keys.done:
            voice.keys = None
        elif voice.keys is None and (play := voice.play) is not None and play.done:
            voice.play = None
            self._report(
                PlayEnded(leg=leg.id, play=play.number, completed=play.playable, problem=play.problem)
            )
        else:
            return True
        self.refresh(leg, now)
        return bool(self._table.own[leg.slot])

    def _frame(self, leg: Leg, row: int, count: int) -> bool:
        """Fill the row's payload in G.711; True when it still has to be mixed."""
        voice, law = leg.voice, int(self._table.law[leg.slot])
        out = self._packets.array[row, HEADER_BYTES : HEADER_BYTES + count]
        if voice.keys is not None:
            voice.keys.fill_encoded(out, law, g711.SILENCE[law])
        elif voice.play is None or voice.play.playlist is None:
            voice.music_encoded(out, law)
        elif voice.music is None or leg.hears:
            voice.play.playlist.fill_encoded(out, law, g711.SILENCE[law])
        else:
            voice.play.playlist.fill(self._over[row, :count])
            voice.music_linear(self._under[row, :count])
            return True
        return False

    def _encoded(self, leg: Leg, row: int, count: int) -> int:
        """Fill the row's payload in the leg's own codec; how many bytes that takes."""
        voice, over = leg.voice, self._over[row, :count]
        if voice.keys is not None:
            voice.keys.fill(over)
        elif voice.play is None or voice.play.playlist is None:
            voice.music_linear(over)
        else:
            voice.play.playlist.fill(over)
            if voice.music is not None and not leg.hears:
                voice.music_linear(self._under[row, :count])
                over[:] = _ducked(over, self._under[row, :count])
        payload = leg.outlet.encode(over, SAMPLE_RATE)[:MAX_PAYLOAD]
        self._packets.array[row, HEADER_BYTES : HEADER_BYTES + len(payload)] = np.frombuffer(
            payload, np.uint8
        )
        return len(payload)

    def _mix(self, row: npt.NDArray[np.intp], due: I32, samples: I32) -> None:
        """Prompt over ducked music, for all such legs at once."""
        width = int(samples[row].max())
        linear = _ducked(self._over[row, :width], self._under[row, :width]).view(np.uint16)
        alaw = (self._table.law[due[row]] == g711.PCMA).astype(np.intp)
        self._packets.array[row, HEADER_BYTES : HEADER_BYTES + width] = _ENCODE[alaw[:, None], linear]

    def _event(self, leg: Leg, now: float) -> None:
        """One step of the keys a leg sends as telephone-events."""
        events, slot = leg.voice.events, leg.slot
        assert events is not None
        if events.done:
            leg.voice.events = None
            stream.begin_anew(self._table, slot)
            self.refresh(leg, now)
            return
        packet = events.next()
        if packet is None or not self._table.sends[slot]:
            return
        header = stream.own_event(self._table, slot, first=packet.first, duration=packet.duration, now=now)
        row = self._events.array[0]
        length = HEADER_BYTES + len(packet.payload)
        row[:HEADER_BYTES] = header.view(np.uint8)
        row[HEADER_BYTES:length] = np.frombuffer(packet.payload, np.uint8)
        self._engine.send(
            self._events, np.zeros(1, np.intp), np.array([slot], np.int32), np.array([length], np.int32)
        )
        self._table.packets_out[slot] += 1
        self._table.octets_out[slot] += len(packet.payload)


def _ducked(over: I16, under: I16) -> I16:
    lowered = (under * np.float32(DUCK)).astype(np.int32)
    mixed: I16 = np.clip(over + lowered, -32768, 32767).astype(np.int16)
    return mixed
