"""Messages in boxes go out by mail: each waits as a row until the server has it, across failures and restarts.

A message never depends on its mail: it is in its box before, and stays there when the mail is given up.
"""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from softswitch.call.mail_plan import after_failure, after_success, gone
from softswitch.call.message_letter import Letter, letter
from softswitch.config.prompts import Message
from softswitch.config.schema import Config
from softswitch.config.voice import host_and_port
from softswitch.errors import StorageError
from softswitch.facts import ConfigReloaded, RecordingEnded
from softswitch.ids import RecordingId
from softswitch.store.messages import SHORTEST_S
from softswitch.store.rows import RecordingRow
from softswitch.store.voice_rows import MailRow

if TYPE_CHECKING:
    from softswitch.app.parts import Parts

ALARM = "mail"
LONGEST_REST_S = 3600.0
AT_START = 1000
"""Messages that a crash cut off, of which the mail is still to be asked for."""
_log = structlog.get_logger(__name__)


class Mailing:
    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        self._waiting: dict[str, MailRow] = {}
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._detach = parts.bus.subscribe({RecordingEnded: self._recorded, ConfigReloaded: self._reloaded})

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def start(self) -> None:
        """Go on with what the last run could not send."""
        try:
            self._waiting = {row.recording: row for row in await self._parts.store.mails.open()}
            await self._ask_for_crashed()
        except StorageError as error:
            _log.warning("mails that wait cannot be read", problem=str(error))
        if self._waiting:
            _log.info("mails wait", mails=len(self._waiting))
        self._task = asyncio.get_running_loop().create_task(self._run(), name="mailing")

    async def close(self) -> None:
        self._detach()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ask_for_crashed(self) -> None:
        store = self._parts.store
        if not any(box.mail for box in self._config.message.values()):
            return
        found = [row for row, _ in await store.messages.listed(limit=AT_START) if row.state == "crashed"]
        known = await store.mails.of(tuple(row.recording for row in found))
        for row in found:
            if row.recording not in known:
                self._ask(row.recording, row.box)

    def _recorded(self, fact: RecordingEnded) -> None:
        if fact.box and fact.seconds >= SHORTEST_S:
            self._ask(fact.recording, fact.box)

    def _reloaded(self, fact: ConfigReloaded) -> None:
        del fact
        self._awake.set()

    def _ask(self, recording: RecordingId, box: str) -> None:
        settings = self._config.message.get(box)
        if settings is None or not settings.mail or not self._config.mail.server:
            return
        now = self._parts.clock.wall()
        self._put(
            MailRow(
                recording=recording,
                box=box,
                addresses=" ".join(settings.mail),
                state="waiting",
                attempts=0,
                asked=now,
                next_at=now,
            )
        )
        self._awake.set()

    def _put(self, row: MailRow) -> None:
        self._parts.store.mails.put(row)
        if row.next_at is None:
            self._waiting.pop(row.recording, None)
        else:
            self._waiting[row.recording] = row

    @property
    def _config(self) -> Config:
        return self._parts.services.config

    # --- sending --------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            now = self._parts.clock.wall()
            due = sorted(
                (row for row in self._waiting.values() if (row.next_at or 0.0) <= now),
                key=lambda row: row.asked,
            )
            for row in due if self._config.mail.server else ():
                await self._send(row)
            await self._rest()

    async def _rest(self) -> None:
        """Until the next one is due, or something has changed."""
        now = self._parts.clock.wall()
        due = min((row.next_at or now for row in self._waiting.values()), default=now + LONGEST_REST_S)
        pause = LONGEST_REST_S if not self._config.mail.server else min(max(0.0, due - now), LONGEST_REST_S)
        try:
            async with asyncio.timeout(pause):
                await self._awake.wait()
        except TimeoutError:
            pass

    async def _send(self, row: MailRow) -> None:
        parts, settings = self._parts, self._config.mail
        try:
            found = await parts.store.messages.find(row.recording)
            if found is None:
                self._put(gone(row, parts.clock.wall()))
                return
            message = await self._letter(found[0], row)
            secret = parts.services.secrets.get(("mail", ""))
            refused = await parts.world.mailer(message, settings, secret)
        except Exception as error:  # whatever it is: the mails behind this one must go out
            self._failed(row, str(error) or type(error).__name__)
            return
        problem = "; ".join(f"{address}: {words}" for address, words in refused.items())
        after = after_success(row, tuple(refused), problem, settings, parts.clock.wall())
        self._put(after)
        if refused:
            self._alarm(problem)
            return
        parts.alarms.clear(ALARM)
        _log.info("message sent by mail", message=row.recording, box=row.box, attempts=after.attempts)
        box = self._config.message.get(row.box)
        if box is not None:
            await self._then(box, found[0])

    async def _letter(self, message: RecordingRow, row: MailRow) -> Letter:
        parts, settings = self._parts, self._config.mail
        host, _, _ = host_and_port(settings.server)
        return await asyncio.to_thread(
            letter,
            message,
            parts.services.files.path(message.path),
            sender=settings.sender or f"softswitch@{host}",
            addresses=tuple(row.addresses.split()),
            timezone=self._config.general.timezone,
            node=parts.services.node,
            max_bytes=settings.attach_mb * (1 << 20),
        )

    def _failed(self, row: MailRow, problem: str) -> None:
        after = after_failure(row, problem, self._config.mail, self._parts.clock.wall())
        self._put(after)
        _log.warning(
            "message not sent by mail", message=row.recording, attempts=after.attempts, problem=problem
        )
        given_up = "given up: " if after.state == "failed" else ""
        self._alarm(f"{given_up}{problem}; {len(self._waiting)} waiting")

    def _alarm(self, problem: str) -> None:
        self._parts.alarms.raise_(ALARM, problem)

    async def _then(self, box: Message, message: RecordingRow) -> None:
        """What becomes of the message itself."""
        parts, now = self._parts, self._parts.clock.wall()
        if box.mail_then == "heard":
            parts.store.messages.mark(message.recording, now)
        elif box.mail_then == "delete":
            try:
                await asyncio.to_thread(parts.services.files.delete, message.path)
            except (OSError, StorageError) as error:
                _log.error("a message that was sent cannot be deleted", problem=str(error))
                return
            parts.store.recording(replace(message, state="deleted", deleted_at=now))
        if box.mail_then != "keep":
            parts.boxes.changed()
