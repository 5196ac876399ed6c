"""All subscriptions of peers to states of ours: the notifier of RFC 6665, without a word of what the states mean.

Resources are indexed: a change looks up who watches it and costs nothing for anybody else; what nobody watches has no
state here at all. A change is only noted at once; the NOTIFYs leave a few at a time between other work, so that a
resource with hundreds of watchers never holds up a call. Lists of resources (RFC 4662) are not offered: a phone
subscribes to each lamp. Subscriptions do not outlive the process: `stop` ends them as `deactivated`, at which phones
subscribe again at once, and so does `end_forgotten` with those of a process that was killed; a refresh of one that nobody
knows is answered 481, and they do as well.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from softswitch.errors import PeerError
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.directory import Directory
from softswitch.sip.envelope import Envelope
from softswitch.sip.event_package import ALLOW_EVENTS
from softswitch.sip.guard import Guard
from softswitch.sip.identity import Identity
from softswitch.sip.last_notify import LastNotifies, SubscriptionRecord
from softswitch.sip.message import Request, make_response
from softswitch.sip.notifier_settings import NotifierSettings, NotifierStats
from softswitch.sip.resource_state import Item, ResourceKey, ResourceState
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.subscribe_request import (
    SubscribeRefused,
    check_accept,
    event_of,
    granted_s,
)
from softswitch.sip.subscription import Subscriber, Subscription, dialog_of
from softswitch.sip.timers import Timer
from softswitch.sip.uri import unescape

AT_ONCE = 32
"""NOTIFYs made in one step of the event loop; each costs about a tenth of a millisecond."""


class NotifierLayer(SessionLayer, Protocol):
    guard: Guard

    def token(self, size: int = 8) -> str: ...

    def common(self, name: str) -> tuple[tuple[str, str], ...]: ...

    def wake(self) -> None:
        """Timers have been started outside a step."""


@dataclass(slots=True)
class _Watched:
    state: ResourceState
    subscriptions: dict[tuple[str, str], Subscription] = field(default_factory=dict)


class Notifier:
    def __init__(self, layer: NotifierLayer) -> None:
        self.settings = NotifierSettings()
        """May be replaced at a reload; counts for what begins later."""
        self.directory: Directory | None = None
        """None: nothing can be subscribed to."""
        self.stats = NotifierStats()
        self.on_kept: Callable[[Subscription], None] = lambda subscription: None
        """Hears of each that begins, and of one whose subscriber is elsewhere now."""
        self.on_gone: Callable[[Subscription], None] = lambda subscription: None
        self._layer = layer
        self._subscriptions: dict[tuple[str, str], Subscription] = {}
        self._watched: dict[ResourceKey, _Watched] = {}
        self._of: Counter[Identity] = Counter()
        self._news: deque[Subscription] = deque()
        self._next: Timer | None = None

    # --- reading ------------------------------------------------------------------------------------------------------

    def all(self) -> tuple[Subscription, ...]:
        return tuple(self._subscriptions.values())

    def find(self, call_id: str, local_tag: str) -> Subscription | None:
        return self._subscriptions.get((call_id, local_tag))

    def state(self, resource: ResourceKey) -> ResourceState | None:
        """None when nobody watches it."""
        watched = self._watched.get(resource)
        return watched.state if watched is not None else None

    @property
    def watched_any(self) -> bool:
        return bool(self._watched)

    # --- what the sources of states tell ------------------------------------------------------------------------------

    def put(self, resource: ResourceKey, key: str, item: Item) -> None:
        """Part of a state begins or changes."""
        watched = self._watched.get(resource)
        if watched is not None and watched.state.put(key, item):
            self._changed(watched)

    def end(self, resource: ResourceKey, key: str, item: Item) -> None:
        """Part of a state is over."""
        watched = self._watched.get(resource)
        if watched is not None and watched.state.end(key, item):
            self._changed(watched)

    def _changed(self, watched: _Watched) -> None:
        self.stats.changes += 1
        for subscription in watched.subscriptions.values():
            if not subscription.queued:
                subscription.queued = True
                self._news.append(subscription)
        if self._next is None and self._news:
            self._next = self._layer.timers.start(self._layer.now(), self._spread)
            self._layer.wake()

    def _spread(self, now: float) -> None:
        self._next = None
        for _ in range(min(AT_ONCE, len(self._news))):
            subscription = self._news.popleft()
            subscription.queued = False
            subscription.changed(now)
        if self._news:
            self._next = self._layer.timers.start(now, self._spread)

    # --- SUBSCRIBE ----------------------------------------------------------------------------------------------------

    def serve(self, transaction: ServerTransaction, identity: Identity, source: Source, now: float) -> None:
        """A SUBSCRIBE of somebody who has proven himself, outside any dialog or inside that of a subscription."""
        request = transaction.request
        known = self.find(request.call_id, request.to_tag)
        if known is not None:
            self._refresh(known, transaction, identity, source, now)
        else:
            self._subscribe(transaction, identity, source, now)

    def _subscribe(
        self, transaction: ServerTransaction, identity: Identity, source: Source, now: float
    ) -> None:
        request = transaction.request
        tag = self._layer.token()
        try:
            subscriber, seconds = self._asked(request, identity, source, now)
        except PeerError as error:
            self._refuse(transaction, tag, error, now)
            return
        contact = self._layer.contact(source, request.uri.user)
        client = DialogClient(
            self._layer,
            dialog_of(request, tag),
            source,
            contact=contact,
            via_host=request.top_via.host,
            sticky=identity.kind == "endpoint",
            common=self._layer.common("User-Agent"),
        )
        subscription = Subscription(
            self._layer,
            subscriber,
            client,
            pace_s=1 / self.settings.per_second,
            body=self._body,
            on_end=self._over,
        )
        self._add(subscription)
        self._accept(transaction, subscription, seconds, now)

    def _refresh(
        self,
        subscription: Subscription,
        transaction: ServerTransaction,
        identity: Identity,
        source: Source,
        now: float,
    ) -> None:
        request = transaction.request
        subscriber = subscription.subscriber
        try:
            if identity != subscriber.identity:
                raise SubscribeRefused(403)
            event = event_of(request)
            if not subscription.active or event != subscriber.event:
                raise SubscribeRefused(481)
            check_accept(request, event.package)
            seconds = granted_s(request, self.settings.times)
            subscription.client.dialog.accept(request)
        except PeerError as error:
            self._refuse(transaction, "", error, now)
            return
        client = subscription.client
        before = client.flow, client.dialog.state.remote_target
        subscription.refresh(request, source)
        if before != (client.flow, client.dialog.state.remote_target):
            self.on_kept(subscription)
        self.stats.refreshed += 1
        self._accept(transaction, subscription, seconds, now)

    def _asked(
        self, request: Request, identity: Identity, source: Source, now: float
    ) -> tuple[Subscriber, int]:
        if self.directory is None:
            raise SubscribeRefused(489)
        event = event_of(request)
        check_accept(request, event.package)
        uri = request.uri
        grant = self.directory.grant(event.package.name, uri.unescaped_user, identity)
        seconds = granted_s(request, self.settings.times)
        if len(request.contacts) != 1:
            raise SubscribeRefused(400, "One Contact Needed")
        retry_after = ("Retry-After", str(self.settings.times.least_s))
        if len(self._subscriptions) >= self.settings.most:
            raise SubscribeRefused(503, None, (retry_after,))
        if self._of[identity] >= self.settings.most_of_one:
            raise SubscribeRefused(403, "Too Many Subscriptions")
        if not self._layer.guard.may_hold("subscriptions", source.address, now):
            raise SubscribeRefused(503, None, (retry_after,))
        subscriber = Subscriber(
            identity=identity,
            event=event,
            resource=grant.resource,
            user=uri.user,
            host=uri.host,
            detailed=grant.detailed,
            address=source.address,
        )
        return subscriber, seconds

    def _accept(
        self, transaction: ServerTransaction, subscription: Subscription, seconds: int, now: float
    ) -> None:
        headers = (
            ("Expires", str(seconds)),
            ("Contact", subscription.client.contact),
            ALLOW_EVENTS,
            *self._layer.common("Server"),
        )
        response = make_response(transaction.request, 200, to_tag=subscription.local_tag, headers=headers)
        transaction.respond(response, now)
        transaction.answered_for_good()
        if seconds:
            subscription.last_until(seconds, now)
        else:
            subscription.seen = -1
            subscription.end("timeout", now)

    def _refuse(self, transaction: ServerTransaction, tag: str, error: PeerError, now: float) -> None:
        self.stats.refused[error.sip_status] += 1
        headers = error.headers if isinstance(error, SubscribeRefused) else ()
        response = make_response(
            transaction.request,
            error.sip_status,
            error.reason,
            to_tag=tag,
            headers=(*headers, *self._layer.common("Server")),
        )
        transaction.respond(response, now)

    # --- keeping ------------------------------------------------------------------------------------------------------

    def _add(self, subscription: Subscription) -> None:
        key = subscription.call_id, subscription.local_tag
        resource = subscription.subscriber.resource
        watched = self._watched.get(resource)
        if watched is None:
            watched = self._watched[resource] = _Watched(ResourceState())
            assert self.directory is not None
            self.directory.fill(resource, watched.state)
            self.directory.watching(resource, True)
        watched.subscriptions[key] = subscription
        self._subscriptions[key] = subscription
        self._of[subscription.subscriber.identity] += 1
        self.stats.accepted += 1
        self.on_kept(subscription)

    def _over(self, subscription: Subscription) -> None:
        key = subscription.call_id, subscription.local_tag
        if self._subscriptions.pop(key, None) is None:
            return
        self.on_gone(subscription)
        identity, resource = subscription.subscriber.identity, subscription.subscriber.resource
        self._of[identity] -= 1
        if not self._of[identity]:
            del self._of[identity]
        self._layer.guard.quotas.give("subscriptions", subscription.subscriber.address)
        self.stats.notified += subscription.notified
        self.stats.ended[subscription.reason] += 1
        watched = self._watched[resource]
        del watched.subscriptions[key]
        if not watched.subscriptions:
            del self._watched[resource]
            if self.directory is not None:
                self.directory.watching(resource, False)

    def _body(self, subscription: Subscription) -> bytes:
        subscriber = subscription.subscriber
        state, package = self._watched[subscriber.resource].state, subscriber.event.package
        inner = None
        if package.partial and subscription.seen >= 0:
            inner = state.since(subscription.seen, detailed=subscriber.detailed)
        full = inner is None
        if inner is None:
            inner = state.full(detailed=subscriber.detailed)
        envelope = Envelope(subscriber.user, subscriber.host, subscription.version, full, state.live)
        subscription.version += 1
        subscription.seen = state.serial
        return package.wrap(envelope, inner)

    def check(self, now: float) -> None:
        """After a reload: who may not watch any more, or what is not there any more, ends."""
        if self.directory is None:
            return
        for subscription in self.all():
            subscriber = subscription.subscriber
            try:
                grant = self.directory.grant(
                    subscriber.event.package.name,
                    unescape(subscriber.user),
                    subscriber.identity,
                )
            except PeerError as error:
                subscription.end("noresource" if error.sip_status == 404 else "rejected", now)
                continue
            if (grant.resource, grant.detailed) != (subscriber.resource, subscriber.detailed):
                subscription.end("deactivated", now)

    def end_forgotten(self, records: Iterable[SubscriptionRecord]) -> None:
        """Of a process that was killed: phones subscribe again."""
        LastNotifies(self._layer, self._layer.common("User-Agent"), records).send(self._layer.now())
        self._layer.wake()

    def stop(self, now: float) -> None:
        """The switch stops: phones subscribe again at once, at whoever answers then."""
        for subscription in self.all():
            subscription.end("deactivated", now)
