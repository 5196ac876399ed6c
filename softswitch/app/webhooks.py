"""Posts events to web addresses: carries out what each outbox says, never in the way of a call.

What waits is in memory and lost with the process; the number in each event lets the receiver notice.
"""

import asyncio
from collections.abc import Callable

import aiohttp
import structlog
from pydantic_core import to_json

from softswitch.api.feed import WebhookView
from softswitch.app.parts import Parts
from softswitch.app.sight import Sight
from softswitch.config.feeds import Webhook
from softswitch.facts import AlarmCleared, AlarmRaised, CallFact, ConfigReloaded, Fact
from softswitch.feed.outbox import Outbox, Parcel
from softswitch.feed.ring import Event, EventRing
from softswitch.feed.signature import HEADER, signature
from softswitch.feed.topics import Topics, topic_of

AGAIN = frozenset({408, 425, 429})
"""Statuses below 500 that ask for another try."""
ALARM_AFTER = 3
"""Failures in a row."""
STOP_WITHIN_S = 2.0
"""What is still waiting when the switch stops has so long."""

_log = structlog.get_logger(__name__)


class Webhooks:
    def __init__(self, parts: Parts, ring: EventRing, sight: Sight) -> None:
        self._parts = parts
        self._ring = ring
        self._sight = sight
        self._hooks: dict[str, _Hook] = {}
        self._client: aiohttp.ClientSession | None = None
        self._detach: Callable[[], None] | None = None

    async def start(self) -> None:
        self._detach = self._parts.bus.subscribe(self._tell)
        self._take_over()

    def _take_over(self) -> None:
        """From now on the webhooks of the configuration count."""
        wanted = self._parts.services.config.webhook
        for name in [name for name in self._hooks if name not in wanted]:
            self._hooks.pop(name).close()
            self._parts.alarms.clear(f"webhook {name}")
        if wanted and self._client is None:
            self._client = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        for name, settings in wanted.items():
            if name in self._hooks:
                self._hooks[name].reconfigure(settings, self._sight)
            elif self._client is not None:
                self._hooks[name] = _Hook(name, settings, self._parts, self._client, self._sight)

    def _tell(self, fact: Fact) -> None:
        if isinstance(fact, ConfigReloaded):
            self._take_over()
        if not self._hooks or _is_own(fact):
            return
        body: bytes | None = None
        for hook in self._hooks.values():
            if hook.topics.want(type(fact)) and hook.sees(fact):
                if body is None:
                    event = Event(self._ring.next - 1, fact)
                    body = to_json(event.values(self._parts.services.config.general.node))
                hook.put(self._ring.next - 1, fact, body)

    def views(self) -> tuple[WebhookView, ...]:
        return tuple(hook.view() for hook in self._hooks.values())

    async def stop(self) -> None:
        if self._detach is not None:
            self._detach()
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                for hook in self._hooks.values():
                    await hook.quiet()
        except TimeoutError:
            _log.warning(
                "events are lost", waiting={hook.name: hook.outbox.waiting for hook in self._hooks.values()}
            )
        for hook in self._hooks.values():
            hook.close()
        if self._client is not None:
            await self._client.close()


def _is_own(fact: Fact) -> bool:
    """An alarm about a webhook is nothing to tell it: it would never end."""
    return isinstance(fact, AlarmRaised | AlarmCleared) and fact.name.startswith("webhook ")


def _topics(settings: Webhook) -> Topics:
    """No topic is nothing, where for a follower it is everything."""
    return Topics(settings.topics or ("nothing",))


class _Hook:
    def __init__(
        self, name: str, settings: Webhook, parts: Parts, client: aiohttp.ClientSession, sight: Sight
    ) -> None:
        self.name = name
        self.settings = settings
        self.topics = _topics(settings)
        self.sees = sight.of_person(settings.person)
        self.outbox = Outbox(settings)
        self._parts = parts
        self._client = client
        self._awake = asyncio.Event()
        self._came_back = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._told_lost = 0
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"webhook {name}")

    async def quiet(self) -> None:
        """Everything is taken, or the address is down."""
        while self.outbox.waiting and not self.outbox.failing:
            self._came_back.clear()
            await self._came_back.wait()

    def view(self) -> WebhookView:
        counts = self.outbox.counts
        return WebhookView(
            webhook=self.name,
            url=self.settings.url.partition("?")[0],
            waiting=self.outbox.waiting,
            failing=self.outbox.failing,
            taken=counts["taken"],
            retried=counts["tried again"],
            lost=self.outbox.lost,
        )

    def reconfigure(self, settings: Webhook, sight: Sight) -> None:
        self.settings = settings
        self.topics = _topics(settings)
        self.sees = sight.of_person(settings.person)
        self.outbox.reconfigure(settings)
        self._awake.set()

    def put(self, number: int, fact: Fact, body: bytes) -> None:
        topic = topic_of(type(fact))
        key = fact.call if isinstance(fact, CallFact) else topic
        self.outbox.put(Parcel(number, topic, key, body, self._now()))
        self._awake.set()

    def close(self) -> None:
        self._task.cancel()
        for task in self._sending:
            task.cancel()

    def _now(self) -> float:
        return self._parts.clock.monotonic()

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            for parcel in self.outbox.due(self._now()):
                task = asyncio.get_running_loop().create_task(self._send(parcel), name=f"webhook {self.name}")
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            self._tell_losses()
            at = self.outbox.next_at()
            try:
                async with asyncio.timeout(None if at is None else max(0.0, at - self._now())):
                    await self._awake.wait()
            except TimeoutError:
                pass

    async def _send(self, parcel: Parcel) -> None:
        status, retry_after_s = await self._post(parcel)
        if 200 <= status < 300:
            self.outbox.taken(parcel)
            self._failures = 0
            self._parts.alarms.clear(f"webhook {self.name}")
        elif 0 < status < 500 and status not in AGAIN:
            self.outbox.refused(parcel)
            _log.warning("event refused", webhook=self.name, status=status, topic=parcel.topic)
        else:
            self.outbox.failed(parcel, self._now(), retry_after_s)
            self._failures += 1
            if self._failures >= ALARM_AFTER:
                self._alarm(f"does not take events ({status or 'no answer'})")
        self._awake.set()
        self._came_back.set()

    def _tell_losses(self) -> None:
        lost = self.outbox.lost
        if lost != self._told_lost:
            self._told_lost = lost
            self._alarm(f"{lost} events lost so far")

    def _alarm(self, problem: str) -> None:
        waiting = f"{self.outbox.waiting} waiting"
        self._parts.alarms.raise_(f"webhook {self.name}", f"{problem}; {waiting}")

    async def _post(self, parcel: Parcel) -> tuple[int, float]:
        """Status, 0 for none; and how long it asks us to wait."""
        try:
            async with self._client.post(
                self.settings.url,
                data=parcel.body,
                headers=self._headers(parcel),
                timeout=aiohttp.ClientTimeout(total=self.settings.timeout_s),
                allow_redirects=False,
            ) as response:
                after = response.headers.get("Retry-After", "")
                return response.status, float(after) if after.isdecimal() and len(after) < 6 else 0.0
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            _log.debug("webhook failed", webhook=self.name, problem=type(error).__name__)
            return 0, 0.0

    def _headers(self, parcel: Parcel) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "softswitch",
            "X-Softswitch-Event": parcel.topic,
            "X-Softswitch-Sequence": str(parcel.number),
            "X-Softswitch-Attempt": str(parcel.tries),
        }
        secret = self._parts.services.secrets.get(("webhook", self.name))
        if secret is not None and secret.password:
            headers[HEADER] = signature(secret.password, self._parts.clock.wall(), parcel.body)
        return headers
