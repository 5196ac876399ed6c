"""Our requests inside one dialog: where they go, and the answer to a challenge where we have credentials.

RFC 3261 sections 12.2.1 and 22.2. A request is authenticated only when the dialog was made with credentials, that is
when the INVITE went to a trunk that has them, and once for each nonce; what a caller's dialog challenges stays
unanswered, since the answer would hand our password's digest to a stranger. A peer whose Contact leads nowhere (a name
that nobody resolves, a `tel:`) is reached where its messages come from.
"""

from collections.abc import Callable, Iterable

from softswitch.sip.challenge import ChallengeMemory
from softswitch.sip.dialog import Dialog
from softswitch.sip.message import Request, Response
from softswitch.sip.nat import behind_nat, is_address
from softswitch.sip.secure_uris import SIPS, may_go
from softswitch.sip.session_layer import Located, SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.sip.way import direct_place

Headers = Iterable[tuple[str, str]]
ResponseHandler = Callable[[Response, float], None]
FailureHandler = Callable[[str, float], None]

_CREDENTIALS = ("Authorization", "Proxy-Authorization")


class DialogClient:
    """Sends requests of one dialog. `flow` is where the peer's messages come from."""

    __slots__ = (
        "_behind",
        "_common",
        "_layer",
        "_memory",
        "_place",
        "_target",
        "_target_text",
        "contact",
        "dialog",
        "flow",
        "invite",
        "sticky",
        "via_host",
    )

    def __init__(
        self,
        layer: SessionLayer,
        dialog: Dialog,
        flow: Source,
        *,
        contact: str,
        via_host: str = "",
        sticky: bool = False,
        memory: ChallengeMemory | None = None,
        common: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._layer = layer
        self._memory = memory
        self._common = common
        self.dialog = dialog
        self.flow = flow
        self.contact = contact
        """Our Contact value."""
        self.invite: Request | None = None
        """Our last INVITE in this dialog."""
        self._target_text, self._target = "", Uri("")
        self._place: Source | None = None
        """Where that leads, when it names an address."""
        self._behind: tuple[str, Source, bool] | None = None
        """Remote target and flow, and whether the peer is behind a NAT as long as they stay."""
        self.via_host = via_host
        self.sticky = sticky
        """A phone's: to be reached where its messages come from, unless Contact or Record-Route name that very host. It
        proves who it is, not whose address it writes: else it could aim our requests at anybody."""

    @property
    def behind_nat(self) -> bool:
        known = self._behind
        if known is None or known[0] != self.dialog.state.remote_target or known[1] is not self.flow:
            known = self._behind = self.dialog.state.remote_target, self.flow, self._is_behind_nat()
        return known[2]

    def _is_behind_nat(self) -> bool:
        target, address = self.target, self.flow.address
        if self.sticky and target.host.strip("[]") != address:
            return True
        return behind_nat(target, self.via_host, address)

    def heard_from(self, source: Source) -> None:
        """The peer comes over a new connection: what stood before is gone, and it can be reached there."""
        flow = self.flow
        if flow.transport != "udp" and source.transport == flow.transport and not self._layer.connected(flow):
            self.flow = source

    @property
    def target(self) -> Uri:
        """The remote target, taken apart once as long as it stays."""
        text = self.dialog.state.remote_target
        if self._target_text != text:
            target = Uri.parse(text)
            self._place = direct_place(target) if is_address(target.host) else None
            self._target, self._target_text = target, text
        return self._target

    def request(
        self,
        method: str,
        *,
        headers: Headers = (),
        body: bytes = b"",
        on_response: ResponseHandler,
        on_failure: FailureHandler,
    ) -> None:
        """Send a request; a challenge is answered on the way if that is allowed."""
        asked = _Asked(self, method, (*headers, *self._common), body, on_response, on_failure)
        self.locate(asked.send)

    def send(
        self,
        asked: "_Asked",
        destination: Source,
        on_response: ResponseHandler,
    ) -> None:
        """One attempt of a request; its answer goes to `on_response`."""
        via = self._layer.via(destination, self.dialog.state.remote_target)
        request = self.dialog.request(asked.method, via=via, headers=asked.headers, body=asked.body)
        if self._memory is not None:
            self._memory.authorize(request)
        if asked.method == "INVITE":
            self.invite = request
        self._layer.start_client(request, destination, on_response, asked.on_failure)

    def learn(self, response: Response, attempts: int) -> bool:
        """A challenge: True when there are credentials to answer it with."""
        memory = self._memory
        return response.status in (401, 407) and memory is not None and memory.learn(response, attempts)

    def acknowledge(self, invite: Request, then: Callable[[bytes, Source], None]) -> None:
        """Send the ACK of a 2xx to `invite`, and tell `then` what to send again when that 2xx comes again."""
        credentials: list[tuple[str, str]] = []
        if self._memory is not None:
            credentials = [(name, value) for name in _CREDENTIALS for value in invite.headers.get_all(name)]
        self._acknowledge(invite.cseq.number, credentials, then)

    def acknowledge_again(self, number: int) -> None:
        """The same for an INVITE of which nothing but its number is known any more."""
        self._acknowledge(number, (), _nothing)

    def _acknowledge(self, number: int, credentials: Headers, then: Callable[[bytes, Source], None]) -> None:
        def send(destination: Source | None, now: float) -> None:
            if destination is None:
                return
            via = self._layer.via(destination, self.dialog.state.remote_target)
            ack = self.dialog.request("ACK", via=via, number=number, headers=(*credentials, *self._common))
            data = ack.to_bytes()
            self._layer.send(data, destination)
            then(data, destination)

        self.locate(send)

    def locate(self, then: Located) -> None:
        """Find out where requests of this dialog go: nowhere where one by `sips:` would have to leave in clear."""
        if self.dialog.state.secure:
            then = _never_in_clear(then)
        first_hop = self.dialog.first_hop()
        if self.sticky and first_hop is not None and first_hop.host.strip("[]") != self.flow.address:
            then(self.flow, self._layer.now())
        elif first_hop is not None:
            self._layer.locate(first_hop, then)
        elif self._keeps_flow():
            then(self.flow, self._layer.now())
        elif self._place is not None:
            then(self._place, self._layer.now())
        else:
            target = self.target
            last_resort = self.flow if may_go(target, self.flow) else None
            self._layer.locate(target, lambda found, now: then(found or last_resort, now))

    def _keeps_flow(self) -> bool:
        """Where Contact leads nowhere, or to the peer at the other end of a connection that stands."""
        target, flow = self.target, self.flow
        if target.scheme == SIPS and not flow.secure:
            return False
        if self.behind_nat:
            return True
        if flow.transport == "udp" or not self._layer.connected(flow):
            return False
        host = target.host.strip("[]")
        return host == flow.address or not is_address(host)


def _never_in_clear(then: Located) -> Located:
    def checked(found: Source | None, now: float) -> None:
        then(found if found is not None and found.secure else None, now)

    return checked


def _nothing(data: bytes, destination: Source) -> None:
    """What was sent is made anew when it is wanted again."""


class _Asked:
    """A request and how often it was sent. The transaction that is underway holds it, and it holds no transaction."""

    __slots__ = ("_attempts", "_client", "_on_response", "body", "headers", "method", "on_failure")

    def __init__(
        self,
        client: DialogClient,
        method: str,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        on_response: ResponseHandler,
        on_failure: FailureHandler,
    ) -> None:
        self._client = client
        self._attempts = 0
        self._on_response = on_response
        self.method = method
        self.headers = headers
        self.body = body
        self.on_failure = on_failure

    def send(self, destination: Source | None, now: float) -> None:
        self._attempts += 1
        if destination is None:
            self.on_failure("transport", now)
        else:
            self._client.send(self, destination, self._answered)

    def _answered(self, response: Response, now: float) -> None:
        if self._client.learn(response, self._attempts):
            self._client.locate(self.send)
        else:
            self._on_response(response, now)
