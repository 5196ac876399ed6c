"""The clock of what is made here: music, prompts and keys, one packet each packet time for every leg that hears ours.

A leg hears ours while keys are sent to it, while a Play runs, or while it has music and is in no bridge; the table's
`own` says so, and relaying to it rests meanwhile. With none of these nothing is sent: a peer tells silence from a
dead line by RTCP. A Play goes on while the peer holds us or is not known yet, so that it always ends.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch import g711
from softswitch.rtp import stream
from softswitch.rtp.dtmf import DIGITS, EventSender
from softswitch.rtp.engine import Engine, PacketRows
from softswitch.rtp.leg import Leg
from softswitch.rtp.packet import HEADER_BYTES, WIDTH
from softswitch.rtp.prompt import SAMPLE_RATE, Prompt, PromptLibrary, PromptProblem
from softswitch.rtp.reports import CommandRefused, PlayEnded, Report
from softswitch.rtp.table import NOBODY, LegTable
from softswitch.rtp.tones import SCHEME, tone
from softswitch.rtp.voice import Play, Playlist

ROWS: Final = 512
"""Packets made at once; more legs take several rounds."""
MAX_LATE_S: Final = 0.2
"""After a longer stall the clock begins anew instead of sending a burst."""
DUCK: Final = 0.2
"""Music under a prompt."""
EVENT_FRAME: Final = 160

_ENCODE: Final = np.stack([g711.ENCODE_ULAW, g711.ENCODE_ALAW])
_MAX_FRAME: Final = WIDTH - HEADER_BYTES


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
        self._packets = PacketRows(ROWS)
        self._events = PacketRows(1)
        self._over = np.zeros((ROWS, _MAX_FRAME), np.int16)
        self._under = np.zeros((ROWS, _MAX_FRAME), np.int16)
        self._loading: set[int] = set()

    def music(self, leg: Leg, path: str | None, now: float) -> None:
        voice = leg.voice
        if path == voice.music_path:
            return
        voice.music_path, voice.music, voice.music_position = path, None, 0
        self._load(leg)
        self.refresh(leg, now)

    def play(self, leg: Leg, number: int, prompts: tuple[str, ...], now: float) -> None:
        self.stop_play(leg, now)
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
        else:
            keys = [tone(f"{SCHEME}dtmf-{digit}") for digit in digits.upper() if digit in DIGITS]
            if voice.keys is None:
                voice.keys = Playlist([])
            voice.keys.add([key for key in keys if isinstance(key, Prompt)])
        self.refresh(leg, now)

    def refresh(self, leg: Leg, now: float) -> None:
        """Work out whether the leg's stream is made here; after everything that may change it."""
        voice, slot = leg.voice, leg.slot
        alone = self._table.partner[slot] == NOBODY
        own = voice.sending or voice.playing or (voice.music is not None and bool(alone))
        if own and not self._table.own[slot]:
            self._table.due[slot] = now
            stream.begin_anew(self._table, slot)
        self._table.own[slot] = own

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

    def _round(self, due: npt.NDArray[np.int32], now: float) -> None:
        table = self._table
        late = due[now - table.due[due] > MAX_LATE_S]
        table.due[late] = now
        samples = np.minimum(table.frame[due], _MAX_FRAME)
        audio: list[int] = []
        mixed: list[int] = []
        for row, (slot, count) in enumerate(zip(due.tolist(), samples.tolist(), strict=True)):
            leg = self._legs[slot]
            if leg.voice.events is not None:
                samples[row] = EVENT_FRAME
                self._event(leg, now)
            elif self._finish(leg, now):
                audio.append(row)
                if self._frame(leg, row, count):
                    mixed.append(row)
        table.due[due] += samples / SAMPLE_RATE
        if mixed:
            self._mix(np.array(mixed), due, samples)
        if audio:
            rows = np.array(audio)
            self._send(rows, due[rows], samples[rows], now)

    def _finish(self, leg: Leg, now: float) -> bool:
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
        """Fill the row's payload; True when it still has to be mixed."""
        voice, law = leg.voice, int(self._table.law[leg.slot])
        out = self._packets.array[row, HEADER_BYTES : HEADER_BYTES + count]
        if voice.keys is not None:
            voice.keys.fill_encoded(out, law, g711.SILENCE[law])
        elif voice.play is None or voice.play.playlist is None:
            voice.music_encoded(out, law)
        elif voice.music is None or self._table.partner[leg.slot] != NOBODY:
            voice.play.playlist.fill_encoded(out, law, g711.SILENCE[law])
        else:
            voice.play.playlist.fill(self._over[row, :count])
            voice.music_linear(self._under[row, :count])
            return True
        return False

    def _mix(
        self, row: npt.NDArray[np.intp], due: npt.NDArray[np.int32], samples: npt.NDArray[np.int32]
    ) -> None:
        """Prompt over ducked music, for all such legs at once."""
        width = int(samples[row].max())
        under = (self._under[row, :width] * np.float32(DUCK)).astype(np.int32)
        linear = np.clip(self._over[row, :width] + under, -32768, 32767).astype(np.int16).view(np.uint16)
        alaw = (self._table.law[due[row]] == g711.PCMA).astype(np.intp)
        self._packets.array[row, HEADER_BYTES : HEADER_BYTES + width] = _ENCODE[alaw[:, None], linear]

    def _send(
        self,
        row: npt.NDArray[np.intp],
        slot: npt.NDArray[np.int32],
        samples: npt.NDArray[np.int32],
        now: float,
    ) -> None:
        """Put headers before the payloads of `row` and send those whose peer may be sent to."""
        sends = self._table.sends[slot]
        if not sends.all():
            row, slot, samples = row[sends], slot[sends], samples[sends]
            if not row.size:
                return
        header = stream.own(self._table, slot, samples, now)
        self._packets.array[row, :HEADER_BYTES] = header.view(np.uint8).reshape(-1, HEADER_BYTES)
        self._table.packets_out[slot] += 1
        self._table.octets_out[slot] += samples
        self._engine.send(self._packets, row, slot, samples + np.int32(HEADER_BYTES))

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
