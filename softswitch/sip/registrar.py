"""The registrar of RFC 3261 section 10.3, with Path (RFC 3327) and the instance of RFC 5626: bindings in memory.

Sections 3 and 4 of the procedure (who is it, may he) are done by `Admission` before. A request changes all that it asks
for or nothing. Refused: a contact that is this switch itself (a loop), and one that is no SIP address.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from heapq import heapify, heappop, heappush
from typing import Literal

from softswitch.config.sip import Sip
from softswitch.ids import EndpointName
from softswitch.sip.address import Address
from softswitch.sip.date_value import date_value
from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import clamped_number, fold, readable
from softswitch.sip.header_numbers import LARGEST_EXPIRES
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.outbound import (
    contact_parameters,
    dies_with_connection,
    instance_of,
    lacks_outbound,
    outbound_headers,
    reg_id_of,
)
from softswitch.sip.refusal import preference
from softswitch.sip.secure_uris import NotSecure, check_registration
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

SUPPORTED = ("path", "outbound", "gruu")
ONE_HOUR_S = 3600
MALFORMED_EXPIRES_S = 3600
"""RFC 3261 section 20.10: what a contact's unreadable `expires` counts as."""

ChangeEvent = Literal["registered", "refreshed", "unregistered", "expired"]

_MAX_USER_AGENT = 200
_MAX_PATH = 16
_SLACK = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrarSettings:
    min_expires_s: int = 60
    default_expires_s: int = 3600
    max_expires_s: int = 7200
    max_contacts: int = 5
    flow_timer_s: int = 0
    """Longest silence of a phone that keeps its connection open, as it is told; 0: it is told none."""
    domains: frozenset[str] = frozenset()
    """Hosts of an address of record, in lower case; empty accepts any."""
    own: frozenset[tuple[str, int]] = frozenset()
    """Addresses and ports at which this switch can be reached: no contact may be one of them."""

    @classmethod
    def from_config(cls, sip: Sip, own: Iterable[tuple[str, int]] = ()) -> "RegistrarSettings":
        """Our own addresses are good domains too."""
        places = frozenset((fold(host), port) for host, port in own)
        domains = frozenset(fold(domain) for domain in sip.domains)
        return cls(
            min_expires_s=sip.min_expires_s,
            default_expires_s=sip.default_expires_s,
            max_expires_s=sip.max_expires_s,
            max_contacts=sip.max_contacts,
            flow_timer_s=sip.flow_timer_s,
            domains=domains | {host for host, _ in places} if domains else domains,
            own=places,
        )


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class Binding:
    """One contact of an endpoint; times are wall seconds, so that they outlive a restart. Immutable by agreement once it is
    kept; not frozen, since each REGISTER makes one."""

    endpoint: EndpointName
    contact: Uri
    source: Source
    expires: float
    """When it ends."""
    call_id: str
    cseq: int
    path: tuple[str, ...] = ()
    """Path values, the first to be visited first: the route set of requests to it."""
    user_agent: str = ""
    instance: str = ""
    """`+sip.instance`, with `;reg-id=N` where one was given; a binding of the same instance replaces this one."""
    registered: float = 0.0
    """When it was first made."""
    q: float = 1.0
    """Preference among the contacts of its endpoint, 0 to 1."""


@dataclass(slots=True, kw_only=True, unsafe_hash=True)
class BindingChange:
    event: ChangeEvent
    binding: Binding


@dataclass(slots=True, kw_only=True)
class RegistrarResult:
    response: Response
    changes: tuple[BindingChange, ...] = ()
    """In the order in which they must be stored."""


@dataclass(slots=True, kw_only=True)
class _Asked:
    """One REGISTER and what is known about it."""

    request: Request
    endpoint: EndpointName
    source: Source
    now_wall: float


@dataclass(slots=True)
class _Update:
    """The bindings of one endpoint as the request would leave them, the newest last, and what that changes."""

    bindings: list[Binding]
    changes: list[BindingChange] = field(default_factory=list)

    def drop(self, binding: Binding) -> None:
        self.bindings.remove(binding)
        self.changes.append(BindingChange(event="unregistered", binding=binding))

    def put(self, binding: Binding, old: Binding | None) -> None:
        event: ChangeEvent = "registered"
        if old is not None and (old.contact is binding.contact or str(old.contact) == str(binding.contact)):
            self.bindings.remove(old)
            event = "refreshed"
        elif old is not None:
            self.drop(old)
        self.bindings.append(binding)
        self.changes.append(BindingChange(event=event, binding=binding))


class _Refused(Exception):
    """Carried from where it is found to where the response is made; never leaves this module."""

    def __init__(
        self, status: int, reason: str | None = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(status)
        self.status = status
        self.reason = reason
        self.headers = headers


class Registrar:
    def __init__(self, settings: RegistrarSettings) -> None:
        self.settings = settings
        """May be replaced at a reload; counts for later requests."""
        self._bindings: dict[EndpointName, list[Binding]] = {}
        self._flows: dict[Source, set[EndpointName]] = {}
        """Whose registrations live on which connection."""
        self._ends: list[tuple[float, EndpointName]] = []
        """A heap of when something may end; what was refreshed since is passed over, and swept when it is too much."""

    def register(
        self, request: Request, endpoint: EndpointName, source: Source, now_wall: float, *, to_tag: str
    ) -> RegistrarResult:
        """Serve a REGISTER that `Admission` let in as this endpoint."""
        try:
            update = self._update(
                _Asked(request=request, endpoint=endpoint, source=source, now_wall=now_wall)
            )
        except _Refused as refused:
            response = make_response(
                request, refused.status, refused.reason, to_tag=to_tag, headers=refused.headers
            )
            return RegistrarResult(response=response)
        except (ParseError, NotSecure) as error:
            return RegistrarResult(
                response=make_response(request, error.sip_status, error.reason, to_tag=to_tag)
            )
        self._keep(endpoint, update.bindings)
        headers = [("Contact", _shown(request, binding, now_wall)) for binding in update.bindings]
        headers += outbound_headers(request, update.bindings, source, self.settings.flow_timer_s)
        if "path" in request.headers.get_list("Supported"):
            headers += [("Path", value) for value in _path(request)]
        headers.append(("Date", date_value(int(now_wall))))
        response = make_response(request, 200, to_tag=to_tag, headers=headers)
        return RegistrarResult(response=response, changes=tuple(update.changes))

    def bindings(self, endpoint: EndpointName, now_wall: float) -> tuple[Binding, ...]:
        """Those that have not ended, the newest first."""
        kept = self._bindings.get(endpoint, [])
        return tuple(binding for binding in reversed(kept) if binding.expires > now_wall)

    def all(self, now_wall: float) -> tuple[Binding, ...]:
        return tuple(found for endpoint in self._bindings for found in self.bindings(endpoint, now_wall))

    def expire(self, now_wall: float) -> tuple[BindingChange, ...]:
        """Remove what has ended."""
        due: dict[EndpointName, None] = {}
        while self._ends and self._ends[0][0] <= now_wall:
            due[heappop(self._ends)[1]] = None
        changes: list[BindingChange] = []
        for endpoint in due:
            kept = self._bindings.get(endpoint, [])
            ended = [binding for binding in kept if binding.expires <= now_wall]
            changes += [BindingChange(event="expired", binding=binding) for binding in ended]
            if ended:
                self._keep(endpoint, [binding for binding in kept if binding.expires > now_wall])
        return tuple(changes)

    def next_expiry(self) -> float | None:
        """When `expire` has something to do, in wall seconds."""
        while self._ends:
            ends, endpoint = self._ends[0]
            if any(binding.expires == ends for binding in self._bindings.get(endpoint, [])):
                return ends
            heappop(self._ends)
        return None

    def flow_lost(self, source: Source) -> tuple[BindingChange, ...]:
        """The connection is gone, and with it the registrations that lived on it (RFC 5626 section 5.3)."""
        changes: list[BindingChange] = []
        for name in sorted(self._flows.get(source, ())):
            kept = self._bindings.get(name, [])
            gone = [one for one in kept if one.source == source and dies_with_connection(one)]
            self._keep(name, [one for one in kept if one not in gone])
            changes += [BindingChange(event="unregistered", binding=one) for one in gone]
        return tuple(changes)

    def restore(self, rows: Iterable[Binding]) -> None:
        """Take over bindings that outlived a restart, oldest registration first."""
        for binding in sorted(rows, key=lambda row: row.registered):
            self._keep(binding.endpoint, [*self._bindings.get(binding.endpoint, []), binding])

    def forget(self, endpoint: EndpointName) -> tuple[BindingChange, ...]:
        """Remove all of an endpoint that the configuration does not know any more."""
        gone = self._bindings.pop(endpoint, [])
        self._keep_flows(endpoint, gone, ())
        return tuple(BindingChange(event="unregistered", binding=binding) for binding in gone)

    def _keep(self, endpoint: EndpointName, bindings: list[Binding]) -> None:
        self._keep_flows(endpoint, self._bindings.get(endpoint, ()), bindings)
        if not bindings:
            self._bindings.pop(endpoint, None)
            return
        known = {binding.expires for binding in self._bindings.get(endpoint, [])}
        self._bindings[endpoint] = bindings
        for binding in bindings:
            if binding.expires not in known:
                heappush(self._ends, (binding.expires, endpoint))
        if len(self._ends) > _SLACK + 2 * self.settings.max_contacts * len(self._bindings):
            self._ends = [(kept.expires, name) for name, found in self._bindings.items() for kept in found]
            heapify(self._ends)

    def _keep_flows(
        self, endpoint: EndpointName, before: Iterable[Binding], after: Iterable[Binding]
    ) -> None:
        if not self._flows and not any(map(dies_with_connection, after)):
            return
        left = {binding.source for binding in before if dies_with_connection(binding)}
        now = {binding.source for binding in after if dies_with_connection(binding)}
        for source in left - now:
            names = self._flows.get(source, set())
            names.discard(endpoint)
            if not names:
                self._flows.pop(source, None)
        for source in now - left:
            self._flows.setdefault(source, set()).add(endpoint)

    def _update(self, asked: _Asked) -> _Update:
        request, domains = asked.request, self.settings.domains
        unsupported = [option for option in request.headers.get_list("Require") if option not in SUPPORTED]
        if unsupported:
            raise _Refused(420, None, (("Unsupported", ", ".join(unsupported)),))
        if domains and fold(request.to.uri.host) not in domains:
            raise _Refused(404)
        kept = self._bindings.get(asked.endpoint, [])
        update = _Update([found for found in kept if found.expires > asked.now_wall])
        if "*" in request.headers.get_list("Contact"):
            return _remove_all(request, update)
        if lacks_outbound(request, asked.source):
            raise _Refused(439)
        if len(request.contacts) > 1 and any("reg-id" in contact.params for contact in request.contacts):
            raise _Refused(400, "One Contact With reg-id")
        wanted = [self._wanted(asked, contact) for contact in request.contacts]
        if sum(binding.expires > asked.now_wall for binding in wanted) > self.settings.max_contacts:
            raise _Refused(403, "Too Many Contacts")
        for binding in wanted:
            _check_order(update.bindings, binding)
        for binding in wanted:
            self._bind(update, binding, asked.now_wall)
        return update

    def _wanted(self, asked: _Asked, contact: Address) -> Binding:
        """The binding that one Contact asks for; it ends at once where the contact is to be removed."""
        request, uri = asked.request, contact.uri
        if not uri.is_sip:
            raise _Refused(400, "Contact Is No SIP Address")
        if (fold(uri.host.strip("[]")), uri.port or 5060) in self.settings.own:
            raise _Refused(403, "Contact Is This Server")
        granted_s, path = self._granted_s(request, contact), _path(request)
        if granted_s:  # whatever there is may be taken back
            check_registration(uri, asked.source, path)
        return Binding(
            endpoint=asked.endpoint,
            contact=replace(uri, headers="") if uri.headers else uri,
            source=asked.source,
            expires=asked.now_wall + granted_s,
            call_id=request.call_id,
            cseq=request.cseq.number,
            path=path,
            user_agent=readable(request.headers.get("User-Agent") or "")[:_MAX_USER_AGENT],
            instance=instance_of(contact),
            registered=asked.now_wall,
            q=preference(contact),
        )

    def _granted_s(self, request: Request, contact: Address) -> int:
        settings = self.settings
        seconds = settings.default_expires_s if request.expires is None else request.expires
        if "expires" in contact.params:
            seconds = _contact_expires(contact)
        if 0 < seconds < min(ONE_HOUR_S, settings.min_expires_s):
            raise _Refused(423, None, (("Min-Expires", str(settings.min_expires_s)),))
        return min(seconds, settings.max_expires_s)

    def _bind(self, update: _Update, wanted: Binding, now_wall: float) -> None:
        same = [found for found in update.bindings if _is_same(found, wanted)]
        if wanted.expires <= now_wall:
            for binding in same:
                update.drop(binding)
            return
        for binding in same[1:]:
            update.drop(binding)
        old = same[0] if same else None
        if old is not None:
            wanted.registered = old.registered
        elif len(update.bindings) >= self.settings.max_contacts:
            update.drop(update.bindings[0])
        update.put(wanted, old)


def _remove_all(request: Request, update: _Update) -> _Update:
    if not request.contact_is_star or request.expires != 0:
        raise _Refused(400, "Contact * Needs Expires 0")
    for binding in list(update.bindings):
        _check_cseq(binding, request.call_id, request.cseq.number)
        update.drop(binding)
    return update


def _is_same(found: Binding, wanted: Binding) -> bool:
    if found.instance and found.instance == wanted.instance:
        return True
    if reg_id_of(found) and reg_id_of(wanted):
        return False  # two flows, which may well have the same Contact (RFC 5626 section 6)
    return found.contact.matches(wanted.contact)


def _check_order(bindings: list[Binding], wanted: Binding) -> None:
    for found in bindings:
        if _is_same(found, wanted):
            _check_cseq(found, wanted.call_id, wanted.cseq)


def _check_cseq(binding: Binding, call_id: str, cseq: int) -> None:
    """Steps 6 and 7: a request that was overtaken must not undo what came after it."""
    if binding.call_id == call_id and cseq <= binding.cseq:
        raise _Refused(500, "CSeq Out Of Order")


def _path(request: Request) -> tuple[str, ...]:
    values = request.headers.get_list("Path")
    if len(values) > _MAX_PATH or any("<" not in value or not _is_plain(value) for value in values):
        raise ParseError("a Path that cannot be used", reason="Bad Path")
    return tuple(str(Address.parse(value)) for value in values)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _contact_expires(contact: Address) -> int:
    try:
        return clamped_number(contact.params.get("expires") or "", "expires", LARGEST_EXPIRES)
    except ParseError:
        return MALFORMED_EXPIRES_S


def _shown(request: Request, binding: Binding, now_wall: float) -> str:
    """A Contact of the 200: whole seconds, never 0 for one that still holds."""
    left = max(1, round(binding.expires - now_wall))
    return f"<{binding.contact}>{contact_parameters(request, binding)};expires={left}"
