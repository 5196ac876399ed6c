"""One subscription of a peer, at the notifier's side (RFC 6665 section 4.2): its dialog, its time, its NOTIFYs.

Owns when a NOTIFY leaves: one at a time, no faster than the pace, with the state of that moment, so that a slow or
dead subscriber costs one transaction and holds up nobody. Its dialog is its own, never that of a call. Which bodies
there are, and who may see them, the notifier knows.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from softswitch.sip.dialog import Dialog
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response
from softswitch.sip.resource_state import ResourceKey
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.subscribe_request import EventAsked
from softswitch.sip.subscription_state import (
    NOTIFIER,
    SubscriptionAction,
    SubscriptionInput,
    SubscriptionState,
)
from softswitch.sip.timers import Timer

FATAL = frozenset({401, 403, 404, 405, 407, 410, 416, *range(480, 486), 489, 501, 604})
"""Answers to a NOTIFY that end the subscription (RFC 6665 section 4.2.2, RFC 5057); others do when they repeat."""
MOST_FAILURES = 3
LONGEST_PAUSE_S = 60.0
"""Longest wait that a Retry-After is granted."""
_S, _I, _A = SubscriptionState, SubscriptionInput, SubscriptionAction

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Who subscribes to what, and what of it he may see."""

    identity: Identity
    event: EventAsked
    resource: ResourceKey
    user: str
    """The watched address as he wrote it, and its host."""
    host: str
    detailed: bool
    """Sees who the others are."""
    address: str = ""
    """Where he subscribed from, which may hold so many."""


Body = Callable[["Subscription"], bytes]


class Subscription:
    """`body` makes what the next NOTIFY holds, `on_end` hears once that it is over."""

    table = NOTIFIER

    def __init__(
        self,
        layer: SessionLayer,
        subscriber: Subscriber,
        client: DialogClient,
        *,
        pace_s: float,
        body: Body,
        on_end: Callable[["Subscription"], None],
    ) -> None:
        self.subscriber = subscriber
        self.client = client
        self.state = _S.IDLE
        self.expires = 0.0
        """Monotonic seconds."""
        self.version = 0
        """Of the next body."""
        self.seen = -1
        """Serial of the state that the subscriber was told last; -1: he needs all of it."""
        self.queued = False
        """The notifier will come to it."""
        self.notified = 0
        self.reason = ""
        """Why it ended."""
        self._layer = layer
        self._pace_s = pace_s
        self._body = body
        self._on_end = on_end
        self._expiry: Timer | None = None
        self._pause: Timer | None = None
        self._not_before = 0.0
        self._failures = 0

    def __repr__(self) -> str:
        return f"<Subscription {self.call_id} {self.subscriber.resource.name} {self.state}>"

    @property
    def call_id(self) -> str:
        return self.client.dialog.state.call_id

    @property
    def local_tag(self) -> str:
        return self.client.dialog.state.local_tag

    @property
    def flow(self) -> Source:
        return self.client.flow

    @property
    def active(self) -> bool:
        return self.state not in (_S.LAST, _S.ENDING, _S.ENDED)

    def last_until(self, seconds: float, now: float) -> None:
        """Begin, or go on, for so long; all of the state is told at once."""
        if self._expiry is not None:
            self._expiry.cancel()
        self.expires = now + seconds
        self._expiry = self._layer.timers.start(self.expires, lambda at: self.end("timeout", at))
        self.seen = -1
        self._not_before = now
        self.changed(now)

    def refresh(self, request: Request, source: Source) -> None:
        """The peer's next SUBSCRIBE: where it comes from, and what it says of its target, counts from now on."""
        self.client.dialog.refresh_target(request)
        self.client.flow = source

    def changed(self, now: float) -> None:
        """There is news."""
        self._apply(_I.CHANGED, now)

    def end(self, reason: str, now: float) -> None:
        """Tell the subscriber that it is over: `timeout`, `deactivated`, `rejected`, `noresource`."""
        if self.active:
            self.reason = reason
            self.seen = -1
            if self._expiry is not None:
                self._expiry.cancel()
            self._apply(_I.OVER, now)

    # --- the machine --------------------------------------------------------------------------------------------------

    def _apply(self, event: SubscriptionInput, now: float) -> None:
        row = self.table.get((self.state, event))
        if row is None:
            return
        steps, after = row
        self._set_state(after)
        for step in steps:
            self.actions[step](self, now)

    def _set_state(self, state: SubscriptionState) -> None:
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("subscription %s: %s -> %s", self.call_id, self.state, state)
        self.state = state

    def _pace(self, now: float) -> None:
        if now >= self._not_before:
            self._apply(_I.PACE_OVER, now)
        else:
            self._pause = self._layer.timers.start(self._not_before, lambda at: self._apply(_I.PACE_OVER, at))

    def _stop_pace(self, now: float) -> None:
        if self._pause is not None:
            self._pause.cancel()

    def _notify(self, now: float) -> None:
        self._not_before = now + self._pace_s
        self._send(f"active;expires={max(0, round(self.expires - now))}")

    def _notify_last(self, now: float) -> None:
        self._send(f"terminated;reason={self.reason}")

    def _send(self, state: str) -> None:
        self.notified += 1
        self.client.request(
            "NOTIFY",
            headers=(
                ("Contact", self.client.contact),
                ("Event", self.subscriber.event.header),
                ("Subscription-State", state),
                ("Content-Type", self.subscriber.event.package.content_type),
            ),
            body=self._body(self),
            on_response=self._answered,
            on_failure=self._failed,
        )

    def _forget(self, now: float) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._on_end(self)

    actions: ClassVar[Mapping[SubscriptionAction, Callable[["Subscription", float], None]]] = {
        _A.PACE: _pace,
        _A.STOP_PACE: _stop_pace,
        _A.NOTIFY: _notify,
        _A.NOTIFY_LAST: _notify_last,
        _A.FORGET: _forget,
    }

    # --- what comes back ------------------------------------------------------------------------------------------------

    def _answered(self, response: Response, now: float) -> None:
        status = response.status
        if status < 200:
            return
        if status < 300:
            self._failures = 0
            self._apply(_I.ACCEPTED, now)
            return
        self._failures += 1
        if status in FATAL or self._failures >= MOST_FAILURES:
            self._lost(f"NOTIFY got {status}", now)
            return
        self.seen = -1  # whether he took it is not known: the next one says all
        pause = response.headers.get("Retry-After") or ""
        digits = pause[: len(pause) - len(pause.lstrip("0123456789"))]
        wait = float(digits[:4]) if digits and digits.isascii() else 0.0
        self._not_before = max(self._not_before, now + min(max(wait, self._pace_s), LONGEST_PAUSE_S))
        if self.active:
            self._apply(_I.CHANGED, now)
        self._apply(_I.ACCEPTED, now)

    def _failed(self, cause: str, now: float) -> None:
        self._lost(f"NOTIFY: {cause}", now)

    def _lost(self, why: str, now: float) -> None:
        self.reason = self.reason or why
        self._apply(_I.REFUSED, now)


def dialog_of(request: Request, local_tag: str) -> Dialog:
    """The dialog that a SUBSCRIBE makes: as an INVITE's, and never early."""
    dialog = Dialog.of_callee(request, local_tag)
    dialog.confirm()
    return dialog
