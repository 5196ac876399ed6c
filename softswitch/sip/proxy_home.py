"""What the proxy core asks of the endpoint it lives in: which addresses are ours, and who somebody is without digest."""

from collections.abc import Callable

from softswitch.ids import EndpointName
from softswitch.sip.admission import Admission
from softswitch.sip.grammar import fold
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request
from softswitch.sip.registrar import Registrar
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri


class ProxyHome:
    """Follows a reload: it keeps nothing of its own."""

    def __init__(
        self,
        registrar: Registrar,
        admission: Admission,
        told_place: Callable[[Source], tuple[str, int]],
        wall: Callable[[], float],
    ) -> None:
        self._registrar = registrar
        self._admission = admission
        self._wall = wall
        self.told_place = told_place
        """By which address and port a peer reaches us."""

    @property
    def realms(self) -> frozenset[str]:
        """Whose credentials are meant for us."""
        return self._admission.realms

    def is_ours(self, host: str, port: int, peer: Source) -> bool:
        """Whether this leads to us, as we are told to `peer` or as we listen, or is a domain of ours."""
        settings = self._registrar.settings
        host = fold(host)
        return (
            (host, port) == self.told_place(peer) or (host, port) in settings.own or host in settings.domains
        )

    def answers_for(self, uri: Uri, peer: Source) -> bool:
        """Whether users of this host are ours: where no domains are configured, those of any host are."""
        domains, host = self._registrar.settings.domains, fold(uri.host)
        return not domains or host in domains or host.strip("[]") == self.told_place(peer)[0]

    def sender(self, request: Request, source: Source) -> Identity | None:
        """Whom a request that is never challenged comes from: a phone by its network, or by the very place that it
        registered from as the user it says it is."""
        known = self._admission.table.identify(source)
        if known is not None:
            return known if known.kind == "endpoint" else None
        name = EndpointName(request.from_.uri.unescaped_user)
        bindings = self._registrar.bindings(name, self._wall())
        return Identity("endpoint", name) if any(one.source == source for one in bindings) else None
