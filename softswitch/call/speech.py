"""Speech from text for callers: what was spoken already is found at once, the rest is made beside the calls.

One text is made once, however many wait for it; so many programs run at once, a bounded number of texts waits. A text that
failed is not tried again for a while. An alarm says that texts cannot be spoken, until one can.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import structlog

from softswitch.call.alarms import Alarms
from softswitch.clock import Clock
from softswitch.config.schema import Config
from softswitch.ivr.speech_cache import SpeechCache, speech_key
from softswitch.ivr.speech_program import SpeechFailed, SpeechOrder, speak_to_file

ALARM = "speech"
MOST_WAITING = 200
REST_S = 30.0
"""After a failure the same text is not tried again for so long."""
MOST_FAILED = 1000
MOST_WARMED = 500
_log = structlog.get_logger(__name__)


class Speaker(Protocol):
    def __call__(self, order: SpeechOrder) -> Awaitable[None]:
        """Makes the file of the order; raises SpeechFailed."""


class ProgramSpeaker:
    """The program of the configuration, in threads of its own."""

    def __init__(self, threads: int = 8) -> None:
        self._pool = ThreadPoolExecutor(threads, "speech")

    async def __call__(self, order: SpeechOrder) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, speak_to_file, order)


class Speech:
    def __init__(self, config: Config, folder: Path, clock: Clock, alarms: Alarms, speaker: Speaker) -> None:
        """Raises OSError when the folder of the cache cannot be used."""
        self._clock = clock
        self._alarms = alarms
        self._speaker = speaker
        self._settings = config.speech
        self._language = config.general.language
        self._cache = SpeechCache(folder, config.speech.cache_mb << 20)
        self._running = asyncio.Semaphore(config.speech.parallel)
        self._making: dict[str, asyncio.Task[str]] = {}
        self._failed: dict[str, float] = {}
        self._warming: asyncio.Task[None] | None = None

    def reconfigure(self, config: Config) -> None:
        if config.speech.parallel != self._settings.parallel:
            self._running = asyncio.Semaphore(config.speech.parallel)
        self._settings, self._language = config.speech, config.general.language
        self._cache.max_bytes = config.speech.cache_mb << 20
        self._failed.clear()

    def path(self, key: str) -> Path | None:
        """The file of a text that `find` or `make` has given a key for."""
        return self._cache.find(key, self._clock.wall())

    def find(self, text: str, language: str) -> str:
        """The key of what was spoken already; empty: it has to be made."""
        key = self._key(text, language)
        return key if self._cache.find(key, self._clock.wall()) is not None else ""

    def make(self, text: str, language: str) -> Awaitable[str]:
        """Its key when it has been spoken; empty when it cannot be."""
        key = self._key(text, language)
        task = self._making.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(
                self._made(key, text, language), name=f"speech {key[:8]}"
            )
            self._making[key] = task
            task.add_done_callback(lambda done: self._making.pop(key, None))
        return asyncio.shield(task)

    def warm(self, texts: Iterable[tuple[str, str]]) -> None:
        """Make these texts, each in a language, one after another while nobody waits for them."""
        wanted = list(dict.fromkeys(texts))[:MOST_WARMED]
        if self._warming is not None:
            self._warming.cancel()
        if wanted and self._settings.command:
            self._warming = asyncio.get_running_loop().create_task(self._warm(wanted), name="warm speech")

    async def close(self) -> None:
        tasks: list[asyncio.Task[None] | asyncio.Task[str]] = [*self._making.values()]
        if self._warming is not None:
            tasks.append(self._warming)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _warm(self, texts: list[tuple[str, str]]) -> None:
        for text, language in texts:
            if not self.find(text, language) and not await self.make(text, language):
                return  # the alarm says why; callers' own texts try again

    def _key(self, text: str, language: str) -> str:
        settings = self._settings
        return speech_key(text, self._voice(language), settings.rate, settings.command)

    def _voice(self, language: str) -> str:
        voices = self._settings.voices
        return voices.get(language) or voices.get(self._language, language)

    def _refused(self, key: str, text: str) -> str:
        """Why it is not even tried."""
        settings = self._settings
        if not settings.command:
            return "speech.command is empty"
        if len(text) > settings.max_chars:
            return f"a text of {len(text)} characters is longer than speech.max_chars"
        if len(self._making) > MOST_WAITING:
            return f"{MOST_WAITING} texts wait already"
        return "it failed a moment ago" if self._failed.get(key, 0.0) > self._clock.monotonic() else ""

    async def _made(self, key: str, text: str, language: str) -> str:
        refused = self._refused(key, text)
        if refused:
            _log.warning("a text is not spoken", problem=refused)
            return ""
        settings = self._settings
        order = SpeechOrder(
            command=settings.command,
            text=text,
            voice=self._voice(language),
            rate=settings.rate,
            timeout_s=settings.timeout_s,
            file=self._cache.path(key),
        )
        try:
            async with self._running:
                await self._speaker(order)
        except SpeechFailed as error:
            self._not_made(key, str(error))
            return ""
        if not self._cache.added(key, self._clock.wall()):
            self._not_made(key, f"{self._cache.folder} cannot be read")
            return ""
        self._failed.pop(key, None)
        self._alarms.clear(ALARM)
        return key

    def _not_made(self, key: str, problem: str) -> None:
        if len(self._failed) >= MOST_FAILED:
            self._failed.clear()
        self._failed[key] = self._clock.monotonic() + REST_S
        self._alarms.raise_(ALARM, problem)
        _log.error("a text cannot be spoken", problem=problem)


WhenMade = Callable[[str], None]


def when_made(speech: Speech, text: str, language: str, then: WhenMade) -> None:
    """Tell the key of a text once it is spoken, or an empty one."""
    task = asyncio.ensure_future(speech.make(text, language))
    task.add_done_callback(lambda done: then(_key_of(done)))


def _key_of(done: asyncio.Future[str]) -> str:
    """Also a fault of ours is told, as a text that cannot be spoken: a caller waits for it."""
    if done.cancelled():
        return ""
    error = done.exception()
    if error is None:
        return done.result()
    _log.error("a text cannot be spoken", problem=repr(error))
    return ""
