"""Who is heard at all: rates, scores, bans, scanners and overload, joined into the few questions that the stack asks.

`lets_in` comes before a byte is parsed and is the only part on the path of every datagram. Trusted networks, trunks and
phones with a fixed address are exempt from all but overload. A source is *known* when it has proved who it is or when we
have sent it requests: it may send more, and is banned only for wrong passwords, ten times as late, since one wrong phone
must not shut out an office, nor anybody who forges an address the phone behind it.

Offences add to a score that drains away within `ban_window_s`; at `ban_after` times the weight of a failed
authentication the source is banned. What anybody could send in another's name weighs little, and bans for it do not grow.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from softswitch.config.security import Security
from softswitch.sip.bans import Ban, BanLengths, Bans
from softswitch.sip.message import Request
from softswitch.sip.network_table import NetworkTable
from softswitch.sip.overload import Load, Overload, OverloadLimits
from softswitch.sip.quotas import Held, Quotas
from softswitch.sip.signatures import Signatures
from softswitch.sip.source import Source
from softswitch.sip.source_rates import Bucket, Conduct, SourceState, SourceTable, address_of, ban_key

Offence = Literal["wrong password", "guessed nonce", "unanswered challenge", "forbidden", "unparsable"]
WEIGHTS: dict[Offence, float] = {
    "wrong password": 10.0,
    "forbidden": 10.0,
    "guessed nonce": 2.0,
    "unanswered challenge": 1.0,
    "unparsable": 2.0,
}
"""Only the first two prove that the source receives what we send it, so only they count for one that is known."""
AMPLIFICATION = 1.5
"""An answer to an unauthenticated datagram is at most so many times as long."""
STREAM_ROOM = 8192
"""Longest answer to a stranger on a stream: what a peer that never reads leaves with us is made of these."""
KNOWN_FOR_S = 7200.0
_PROVEN_OFFENCES = ("wrong password", "forbidden")
_PATIENCE_WITH_KNOWN = 10.0
_GREY_COST = 10.0
"""Tokens of a message from a source whose score is half of a ban: it is heard, but seldom."""
_BURST_S = 5.0
"""A full bucket holds what its rate gives in so many seconds."""

TRUSTING = Security(enabled=False, trusted=("0.0.0.0/0", "::/0"))
"""For stacks that stand behind no network: the peers of tests."""

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """What is told to logs and alarms."""

    kind: Literal["failed", "banned", "unbanned", "load"]
    address: str
    why: str
    seconds: float = 0.0
    """Of a ban; 0 for ever."""
    times: int = 0
    user: str = ""
    """Digest user name of a failed authentication, as the peer wrote it."""


class Guard:
    def __init__(
        self, settings: Security, tell: Callable[[SecurityEvent], None] = lambda event: None
    ) -> None:
        self.counts: Counter[str] = Counter()
        """What was not heard, by the reason."""
        self.quotas = Quotas()
        self.overload = Overload()
        self.bans = Bans(BanLengths())
        self.tell = tell
        self._table = SourceTable()
        self._find = self._table.get
        self._own: tuple[Network, ...] = ()
        self._epoch = 0
        self._all_strangers = Bucket(settings.strangers_rate * _BURST_S, 0.0)
        self.configure(settings)

    def configure(self, settings: Security) -> None:
        """Bans and what is known stay."""
        self.settings = settings
        self.bans.lengths = BanLengths(
            first_s=settings.ban_s, growth=settings.ban_growth, longest_s=settings.ban_max_s
        )
        self.overload.limits = OverloadLimits(
            lag_s=settings.overload_lag_ms / 1000,
            queue=settings.overload_queue_percent / 100,
            cpu=settings.overload_cpu_percent / 100,
        )
        self._signatures = Signatures(settings.scanners)
        self.contact_networks = tuple(ip_network(text, strict=False) for text in settings.contact_networks)
        self._trusted = tuple(ip_network(text, strict=False) for text in settings.trusted)
        self.set_exempt(self._own)

    def set_exempt(self, networks: Iterable[Network]) -> None:
        """Those of trunks and of phones with a fixed address."""
        self._own = tuple(networks)
        self._exempt = NetworkTable((network, True) for network in (*self._trusted, *self._own))
        self._epoch += 1

    # Before parsing.

    def lets_in(self, address: str, now: float) -> bool:
        """Whether a message from there is looked at."""
        state = self._find(address)
        if state is None or state.epoch != self._epoch:
            found = self._classify(address, now)
            if found is None:
                return False
            state = found
        if state.exempt:
            return True
        if now < state.banned_until or now < state.group.banned_until:
            self.counts["from banned sources"] += 1
            return False
        return self._within_rates(state, now)

    def _within_rates(self, state: SourceState, now: float) -> bool:
        settings = self.settings
        if now < state.known_until:
            if state.bucket.take(1.0, settings.known_rate, settings.known_rate * _BURST_S, now):
                return True
            self.counts["over the rate of a known source"] += 1
            return False
        conduct = state.conduct
        cost = _GREY_COST if conduct.score and self._score(conduct, now) > self._threshold() / 2 else 1.0
        if not state.bucket.take(cost, settings.rate, settings.rate * _BURST_S, now):
            self.counts["over the rate of a source"] += 1
        elif not state.group.bucket.take(1.0, settings.network_rate, settings.network_rate * _BURST_S, now):
            self.counts["over the rate of a network"] += 1
        elif not self._strangers_fit(now):
            self.counts["over the rate of all strangers"] += 1
        else:
            return True
        return False

    def _strangers_fit(self, now: float) -> bool:
        level = self.overload.level
        if level == Load.SEVERE:
            return False
        rate = self.settings.strangers_rate
        cost = 1.0 if level == Load.NORMAL else 5.0
        return self._all_strangers.take(cost, rate, rate * _BURST_S, now)

    def _classify(self, text: str, now: float, *, keep: bool = False) -> SourceState | None:
        """Make or renew what is known of an address; None for text that is none."""
        try:
            address = address_of(text)
            state = self._find(text) or self._table.add(
                text,
                address,
                burst=self.settings.rate * _BURST_S,
                connections=self.settings.connection_rate * _BURST_S,
                network_burst=self.settings.network_rate * _BURST_S,
                now=now,
                keep=keep,
            )
        except ValueError:
            return None
        state.banned_until = self.bans.until(address, ban_key(address))
        state.trusted = self._exempt.find(address) is not None
        state.exempt = state.trusted or not self.settings.enabled
        state.epoch = self._epoch
        if (
            state.exempt and now < state.banned_until
        ):  # by hand; asked again each time, since it ends some day
            state.exempt, state.epoch = False, -1
        return state

    def lets_connect(self, address: str, now: float) -> bool:
        """Whether a connection from there is accepted: not from who is banned, nor too many at once from strangers, since
        each costs more than a message, and a handshake of TLS far more."""
        state = self._state(address, now)
        if state is None:
            return False
        if now < state.banned_until or now < state.group.banned_until:
            self.counts["connections of banned sources"] += 1
            return False
        if self.overload.level == Load.SEVERE and not state.exempt and now >= state.known_until:
            self.counts["connections of strangers at severe load"] += 1
            return False
        rate = self.settings.connection_rate
        connections = state.conduct.connections
        if state.exempt or now < state.known_until or connections.take(1.0, rate, rate * _BURST_S, now):
            return True
        self.counts["over the connection rate of a source"] += 1
        return False

    def hears_dialogs_only(self, address: str, now: float) -> bool:
        """Of somebody who was not let in: whether what belongs to a dialog is heard nevertheless."""
        if self.overload.level != Load.SEVERE:
            return False
        state = self._state(address, now)
        return state is not None and now >= state.banned_until and now >= state.group.banned_until

    # What the stack and admission have seen.

    def knows(self, address: str, now: float) -> bool:
        """No stranger: trusted, or known."""
        state = self._state(address, now)
        return state is not None and (state.trusted or now < state.known_until)

    def proved(self, address: str, now: float) -> None:
        """It has authenticated itself, or we send it a request."""
        state = self._find(address) or self._classify(address, now, keep=True)
        if state is not None:
            if now >= state.known_until:
                state.bucket.tokens = self.settings.known_rate * _BURST_S
            state.known_until = state.conduct.known_until = now + KNOWN_FOR_S

    def offence(
        self, address: str, what: Offence, now: float, user: str = "", *, forgeable: bool = False
    ) -> None:
        """`forgeable`: it came as a datagram, in whoever's name."""
        state = self._state(address, now)
        if state is None or state.exempt or now < state.banned_until:
            return
        known = now < state.known_until
        if known and what not in _PROVEN_OFFENCES:
            return
        self.counts[what] += 1
        if what in _PROVEN_OFFENCES:
            self.tell(SecurityEvent(kind="failed", address=address, why=what, user=user))
        conduct = state.conduct
        conduct.score = self._score(conduct, now) + WEIGHTS[what]
        conduct.scored_at = now
        patience = _PATIENCE_WITH_KNOWN if now < conduct.known_until else 1.0
        if conduct.score >= self._threshold() * patience:
            self._ban(address, state, what, now, forgeable=forgeable and what not in _PROVEN_OFFENCES)

    def is_scanner(self, request: Request, source: Source, now: float) -> bool:
        """A stranger whose request carries the mark of a scanner is banned at once."""
        address = source.address
        state = self._state(address, now)
        if state is None or state.exempt or now < state.known_until:
            return False
        mark = self._signatures.match(request)
        if mark:
            forgeable = source.transport == "udp"
            self._ban(address, state, f"scanner ({mark})", now, forgeable=forgeable)
        return bool(mark)

    def room(self, source: Source, size: int, now: float) -> int:
        """How long a stateless answer to `size` bytes may be; 0 is no limit. A stream has proved where its peer is; what
        is merely known can still be forged."""
        state = self._state(source.address, now)
        if source.transport != "udp":
            heard = state is not None and (state.trusted or now < state.known_until)
            return 0 if heard else STREAM_ROOM
        return 0 if state is not None and state.trusted else int(size * AMPLIFICATION)

    def may_hold(self, what: Held, address: str, now: float) -> bool:
        """Take one more, where the address is not at its limit; `quotas.give` gives it back."""
        state = self._state(address, now)
        limited = state is not None and not state.exempt
        limit = int(getattr(self.settings, f"max_{what}")) if limited else 0
        if self.quotas.take(what, address, limit):
            return True
        self.counts[f"over the {what} of a source"] += 1
        return False

    def _state(self, address: str, now: float) -> SourceState | None:
        state = self._find(address)
        return state if state is not None and state.epoch == self._epoch else self._classify(address, now)

    def _score(self, conduct: Conduct, now: float) -> float:
        drained = (now - conduct.scored_at) * self._threshold() / self.settings.ban_window_s
        return max(0.0, conduct.score - drained)

    def _threshold(self) -> float:
        return self.settings.ban_after * WEIGHTS["wrong password"]

    # Bans.

    def ban(self, key: str, why: str, now: float, length_s: float = 0.0) -> Ban:
        """By hand, also of what is exempt from bans for offences; `length_s` 0 is for ever. Raises ValueError."""
        made = self.bans.add_by_hand(key, why, now, length_s)
        self._bans_changed(now)
        self.tell(SecurityEvent(kind="banned", address=made.key, why=why, seconds=length_s))
        return made

    def unban(self, key: str, now: float) -> Ban | None:
        """Its score is forgotten too; None when it was not banned."""
        found = self.bans.remove(key, now)
        for text, state in self._table.states():
            if text == key or state.group.network == key:
                state.conduct.score = 0.0
        self._bans_changed(now)
        if found is not None:
            self.tell(SecurityEvent(kind="unbanned", address=key, why=found.why))
        return found

    def restore(self, bans: Iterable[Ban], now: float) -> None:
        self.bans.restore(bans, now)
        self._bans_changed(now)

    def sources(self) -> int:
        """How many addresses are remembered."""
        return len(self._table)

    def _ban(
        self, address: str, state: SourceState, why: str, now: float, *, forgeable: bool = False
    ) -> None:
        made = self.bans.add(ban_key(address_of(address)), why, now, forgeable=forgeable)
        state.conduct.score = 0.0
        state.banned_until = made.until
        if "/" in made.key:
            state.group.banned_until = made.until
        self.counts["bans"] += 1
        seconds = made.until - now
        self.tell(SecurityEvent(kind="banned", address=made.key, why=why, seconds=seconds, times=made.times))

    def _bans_changed(self, now: float) -> None:
        """What was found of each source is found again when it sends next."""
        self._epoch += 1
        for _, state in self._table.states():
            state.group.banned_until = 0.0
        for ban in self.bans.in_force(now):
            group = self._table.group(ban.key)
            if group is not None:
                group.banned_until = ban.until
