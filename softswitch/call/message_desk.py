"""The messages of one box as their owner goes through them: heard, saved, deleted, forwarded.

New ones come first, the oldest first. A message counts as heard when it was played to its end, or saved.
"""

import asyncio
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from softswitch.call.call import Call
from softswitch.call.key_menu import choice, digits, told
from softswitch.call.voice import RECORDING
from softswitch.errors import StorageError
from softswitch.facts import RecordingEnded
from softswitch.ivr.say import UnspeakableError, date_prompts, digit_prompts, time_prompts
from softswitch.store.messages import Found
from softswitch.store.rows import RecordingRow

MOST_SHOWN = 200
LONGEST_BOX = 16
ROUNDS = 20
"""Choices for one message."""


class MessageDesk:
    def __init__(self, call: Call, box: str) -> None:
        self._call = call
        self._box = box
        self._messages: list[Found] = []

    @property
    def new(self) -> int:
        return sum(heard is None for _, heard in self._messages)

    @property
    def old(self) -> int:
        return len(self._messages) - self.new

    async def load(self) -> None:
        """Raises StorageError."""
        found = await self._call.services.store.messages.listed(box=self._box, limit=MOST_SHOWN)
        self._messages = sorted(found, key=lambda one: (one[1] is not None, one[0].began))

    async def listen(self) -> None:
        """One message after another, until there are no more or he has had enough."""
        call = self._call
        if not self._messages:
            await told(call, ("voicemail-none",))
            return
        for row, heard in list(self._messages):
            if not await self._one(row, heard):
                return
        await told(call, ("voicemail-no-more",))

    async def _one(self, row: RecordingRow, heard: float | None) -> bool:
        """False: he wants no more."""
        call, again = self._call, True
        for _ in range(ROUNDS):
            pressed = ""
            if again:
                pressed = await told(call, (*self._envelope(row), RECORDING + row.path), "1234#*")
                if not pressed and heard is None:
                    heard = self._mark(row)
            pressed = pressed or await choice(call, ("voicemail-choose",), "1234#*")
            again = pressed == "1"
            match pressed:
                case "1":
                    continue
                case "2":
                    self._mark(row)
                    await told(call, ("voicemail-saved",))
                case "3":
                    await self.remove(row)
                    await told(call, ("voicemail-deleted",))
                case "4":
                    await self._forward(row)
                    continue
                case "*":
                    return False
                case _:
                    pass
            return True
        return True

    def _envelope(self, row: RecordingRow) -> tuple[str, ...]:
        """Who and when: the time of today, else the day."""
        call = self._call
        zone = ZoneInfo(call.config.general.timezone)
        left = datetime.fromtimestamp(row.began, tz=UTC).astimezone(zone)
        today = datetime.fromtimestamp(call.services.clock.wall(), tz=UTC).astimezone(zone).date()
        said: tuple[str, ...] = ()
        try:
            number = row.ani.removeprefix("+")
            if number.isascii() and number.isdigit():
                said = ("voicemail-from", *digit_prompts(number))
            if left.date() != today:
                said += date_prompts(left.year, left.month, left.day, call.language)
            said += time_prompts(left.hour, left.minute, call.language)
        except UnspeakableError:
            pass
        return said

    def _mark(self, row: RecordingRow) -> float:
        services = self._call.services
        at = services.clock.wall()
        services.store.messages.mark(row.recording, at)
        services.voice.boxes.changed()
        return at

    async def remove(self, row: RecordingRow) -> None:
        """The file goes; the row of the recording stays."""
        services = self._call.services
        stored = await services.store.messages.find(row.recording)
        try:
            await asyncio.to_thread(services.files.delete, row.path)
        except OSError as error:
            raise StorageError(f"message {row.recording} cannot be deleted: {error.strerror}") from error
        ended = stored[0] if stored is not None else replace(row, seconds=row.seconds or 0.0)
        services.store.recording(replace(ended, state="deleted", deleted_at=services.clock.wall()))
        services.voice.boxes.changed()

    async def _forward(self, row: RecordingRow) -> None:
        """A copy goes into another box, where it is new."""
        call = self._call
        number = await digits(call, ("voicemail-forward",), LONGEST_BOX)
        if not number:
            return
        if number not in call.config.message or number == self._box:
            await told(call, ("voicemail-no-box",))
            return
        services = call.services
        recording, now = services.new_recording(), services.clock.wall()
        name = services.files.name(wall=now, recording=recording, call=call.id)
        path = str(Path(name).with_suffix(Path(row.path).suffix))
        try:
            await asyncio.to_thread(_copied, services.files.path(row.path), services.files.path(path))
        except OSError as error:
            raise StorageError(f"a message cannot be forwarded: {error.strerror}") from error
        copy = replace(
            row,
            recording=recording,
            call=call.id,
            path=path,
            box=number,
            labels={**row.labels, "forwarded_from": self._box},
        )
        services.store.recording(copy)
        services.bus.publish(
            RecordingEnded(
                call=call.id,
                recording=recording,
                seconds=row.seconds or 0.0,
                gaps=row.gaps,
                box=number,
                wall=now,
                monotonic=services.clock.monotonic(),
            )
        )
        await told(call, ("voicemail-forwarded",))


def _copied(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source, target)
    except OSError:
        target.unlink(missing_ok=True)  # a half of it, on a disk that is full
        raise
