"""What is proxied, where it goes and who may ask for it: the policy of the proxy core (RFC 3261 sections 16.3 and 16.5).

A MESSAGE goes to a phone's extension, and where a route says `messages` also from or to a trunk; an INFO or OPTIONS to
another phone's extension; a call to a phone where both phones, or its route, say that their media goes directly. All other
calls stay calls of the switch. Nobody may write another phone's number into his From.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from softswitch.call.direct_call import DirectCalls
from softswitch.call.numbering import rules_for, to_e164
from softswitch.call.opening import opening
from softswitch.call.party import trunk_destination
from softswitch.call.routing import Asked, Routed, rewritten, route
from softswitch.call.services import Services
from softswitch.config.endpoints import Endpoint
from softswitch.config.schema import Config
from softswitch.ids import EndpointName
from softswitch.sip.forwarding import ASSERTED
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request
from softswitch.sip.outbound import phones, with_gruu
from softswitch.sip.proxied_call import ProxiedCall
from softswitch.sip.proxy_plan import ProxyPlan, ProxyTarget
from softswitch.sip.uri import Uri

_NOT_HIM = ProxyPlan(status=403, reason="From Is Not You")
_UNKNOWN = ProxyPlan(status=404)
_NO_MESSAGES = ProxyPlan(status=403, reason="No Messages There")


class ProxyDesk:
    """Implements `sip.proxy_plan.ProxyPolicy`."""

    def __init__(self, services: Services, direct: DirectCalls) -> None:
        self._services = services
        self._direct = direct
        self._config: Config | None = None
        self._direct_routes = False

    def plan(self, request: Request, identity: Identity) -> ProxyPlan | None:
        if request.method == "INVITE":
            return self._direct_call(request, identity)
        if request.method == "OPTIONS":
            return self._asked_about(request, identity)
        if identity.kind == "endpoint" and request.from_.uri.unescaped_user != identity.name:
            return _NOT_HIM
        found = self._find(request, identity)
        if found is None or found.feature:
            return _UNKNOWN
        return self._passed_on(request, identity, found)

    def redirected(self, uris: Iterable[Uri]) -> tuple[ProxyTarget, ...]:
        """A phone may redirect to another phone of ours and to nobody else."""
        config = self._services.config
        return tuple(
            target
            for uri in uris
            if uri.unescaped_user in config.endpoint
            for target in self._phone(uri.unescaped_user, uri)
        )

    def begun(self, call: ProxiedCall) -> None:
        self._direct.begin(call)

    # --- messages ----------------------------------------------------------------------------------------

    def _passed_on(self, request: Request, identity: Identity, found: Routed) -> ProxyPlan:
        config = self._services.config
        configured = config.route.get(found.route)
        allowed = configured.messages if configured is not None else found.route == "extension"
        trusted = identity.kind == "trunk" and config.trunk[identity.name].trusted
        without = frozenset() if trusted else ASSERTED
        if not allowed or (request.method != "MESSAGE" and found.target.kind != "extension"):
            return _NO_MESSAGES if configured is not None else _UNKNOWN
        if found.target.kind == "extension" and found.target.name in config.endpoint:
            return ProxyPlan(targets=self._phone(found.target.name, request.uri), without=without)
        if found.target.kind == "trunk":
            return self._to_trunk(request, identity, found, without)
        return _UNKNOWN

    def _to_trunk(
        self, request: Request, identity: Identity, found: Routed, without: frozenset[str]
    ) -> ProxyPlan:
        """The toll guard counts it like a call: most providers charge for messages."""
        services, trunk = self._services, found.target.name
        config = services.config
        if trunk not in config.trunk:
            return _UNKNOWN
        source = f"{identity.kind}:{identity.name}"
        number = found.target.argument or found.dialled
        e164 = to_e164(number, rules_for(config, identity.kind, identity.name))
        if services.trunking.refused(config, source, e164, request.call_id) is not None:
            return ProxyPlan(status=403)
        where = trunk_destination(services, config, trunk, rewritten(number, config.trunk[trunk].rewrite_out))
        assert isinstance(where.where, Uri)
        target = ProxyTarget(where=where.where, party=f"trunk:{trunk}", proxy=where.way.proxy)
        return ProxyPlan(targets=(target,), without=without)

    def _asked_about(self, request: Request, identity: Identity) -> ProxyPlan | None:
        """OPTIONS: another phone is asked what it can do; all else is answered for us."""
        user = request.uri.unescaped_user
        if identity.kind != "endpoint" or user == identity.name or user not in self._services.config.endpoint:
            return None
        targets = self._phone(user, request.uri)
        return ProxyPlan(targets=targets, without=ASSERTED) if targets else None

    # --- calls ----------------------------------------------------------------------------------------

    def _direct_call(self, request: Request, identity: Identity) -> ProxyPlan | None:
        config = self._services.config
        if identity.kind != "endpoint":
            return None
        caller = config.endpoint[identity.name]
        if not (caller.direct_media or self._has_direct_routes(config)):
            return None
        found = self._find(request, identity)
        callee = self._phone_called(config, found)
        if found is None or callee is None or not self._goes_direct(request, identity, caller, callee, found):
            return None
        targets = self._phone(found.target.name, request.uri)
        return ProxyPlan(targets=targets, without=ASSERTED) if targets else None

    def _goes_direct(
        self, request: Request, identity: Identity, caller: Endpoint, callee: Endpoint, found: Routed
    ) -> bool:
        config, lines = self._services.config, self._services.lines
        configured = config.route.get(found.route)
        wanted = (
            configured.direct_media if configured is not None else caller.direct_media and callee.direct_media
        )
        if not wanted or caller.record != "never" or callee.record != "never" or caller.srtp != callee.srtp:
            return False
        if request.from_.uri.unescaped_user != identity.name or "Privacy" in request.headers:
            return False
        if "Replaces" in request.headers and not self._direct.replaces(request):
            return False
        return all(
            not phone.max_calls or lines.busy(f"endpoint:{name}") < phone.max_calls
            for name, phone in ((identity.name, caller), (found.target.name, callee))
        )

    def _phone_called(self, config: Config, found: Routed | None) -> Endpoint | None:
        if found is None or found.feature or found.target.kind != "extension":
            return None
        return config.endpoint.get(found.target.name)

    def _has_direct_routes(self, config: Config) -> bool:
        if config is not self._config:
            self._config = config
            self._direct_routes = any(each.direct_media for each in config.route.values())
        return self._direct_routes

    # --- targets ----------------------------------------------------------------------------------------

    def _find(self, request: Request, identity: Identity) -> Routed | None:
        services, config = self._services, self._services.config
        number, ani = request.uri.number, identity.name
        if identity.kind == "trunk":
            trunk = config.trunk[identity.name]
            rules = rules_for(config, "trunk", identity.name)
            number = to_e164(rewritten(number, trunk.rewrite_in), rules)
            ani = to_e164(rewritten(request.from_.uri.user, trunk.rewrite_in_caller), rules)
        when = datetime.fromtimestamp(services.clock.wall(), tz=UTC)
        asked = Asked(number=number, ani=ani, kind=identity.kind, name=identity.name)
        return route(config, asked, opening(services.calendars, when).open)

    def _phone(self, name: str, asked: Uri) -> tuple[ProxyTarget, ...]:
        """Every phone at which this extension can be reached; the one that its GRUU names."""
        return phone_targets(self._services, name, asked)


def phone_targets(services: Services, name: str, asked: Uri | None = None) -> tuple[ProxyTarget, ...]:
    """Where requests to an extension go: each phone once, with its other flows behind the newest."""
    party = f"endpoint:{name}"
    settings = services.config.endpoint.get(name)
    if settings is not None and settings.contact:
        return (ProxyTarget(where=Uri.parse(settings.contact), party=party),)
    bindings = services.sip.bindings(EndpointName(name)) if settings is not None else ()
    if asked is not None:
        bindings = with_gruu(bindings, asked)
    return tuple(
        ProxyTarget(where=flows[0], party=party, q=flows[0].q, spare=flows[1:]) for flows in phones(bindings)
    )
