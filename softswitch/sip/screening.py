"""What can be said about a request before anyone asks who sent it (RFC 3261 sections 8.2, 16.3).

Owns the checks that need no state but our own Via values: hop count, loops, required extensions. Each yields a stateless
response, since a request that fails one is not worth remembering.
"""

import zlib
from collections.abc import Container, Sequence

from softswitch.errors import PeerError
from softswitch.sip.capabilities import EXTENSIONS, REGISTRAR_EXTENSIONS
from softswitch.sip.message import Request
from softswitch.sip.source import Source
from softswitch.sip.transaction import MAGIC_COOKIE
from softswitch.sip.via import Via

LOOP_MARK = 8
"""Characters at the end of our branches that stand for the Request-URI (section 16.6 step 8)."""


class BadExtension(PeerError):
    """Require names what we do not have."""

    sip_status = 420

    def __init__(self, unsupported: tuple[str, ...]) -> None:
        super().__init__(f"Require of {', '.join(unsupported)}")
        self.headers = (("Unsupported", ", ".join(unsupported)),)


def branch_of(random: bytes, request_uri: str) -> str:
    """A branch of ours: unique, and recognised when the request comes back unchanged."""
    return f"{MAGIC_COOKIE}{random.hex()}{zlib.crc32(request_uri.encode('utf-8', 'surrogateescape')):08x}"


def marked_as(via: str, branch: str) -> str:
    """`via` of ours with the loop mark of another `branch` of ours, for the same request by another way."""
    head, name, behind = via.partition(";branch=")
    made, semicolon, rest = behind.partition(";")
    return f"{head}{name}{made[:-LOOP_MARK]}{branch[-LOOP_MARK:]}{semicolon}{rest}"


def own_via(request: Request) -> tuple[str, str]:
    """Branch and sent-by of a request of ours, without taking its Via apart: this is on the path of each."""
    via = request.headers.value("via") or ""
    sender, _, branch = via.partition(";branch=")
    return branch.partition(";")[0], sender.partition(" ")[2].partition(";")[0].lower()


def check_extensions(request: Request) -> None:
    """Raises BadExtension; ACK and CANCEL are never asked (section 8.2.2.3)."""
    if "require" in request.headers.keys:
        wanted = request.headers.get_list("Require")
        known = REGISTRAR_EXTENSIONS if request.method == "REGISTER" else EXTENSIONS
        unsupported = tuple(tag for tag in wanted if tag.lower() not in known)
        if unsupported:
            raise BadExtension(unsupported)


def check_hops(request: Request, vias: Sequence[Via], sent_by: str, ours: Container[str]) -> None:
    """Raises PeerError with 483 or 482. `vias` are as received; where nobody took its only one apart they are empty, and
    `sent_by` is of that. `ours` are the sent-by values of our Vias.

    A request that comes back with another Request-URI is a spiral, not a loop: a provider may well send a call of ours
    to one of our own numbers.
    """
    if request.max_forwards == 0 and request.method not in ("OPTIONS", "REGISTER"):
        raise PeerError("Max-Forwards is used up", sip_status=483)
    if not vias:
        if sent_by not in ours:
            return
        vias = request.vias
    if len(vias) > 1 or vias[0].sent_by in ours:
        mark = branch_of(b"", str(request.uri))[-LOOP_MARK:]
        if any(via.sent_by in ours and via.branch.endswith(mark) for via in vias):
            raise PeerError("the request has been here before", sip_status=482)


def reply_destination(via: Via, source: Source) -> Source:
    """Where responses go (section 18.2.2, RFC 3581): always the address the request came from.

    The port is the source's for a stream, when rport asks for it, or when sent-by shows another address (a NAT);
    otherwise sent-by's, for gateways that send from one port and listen on another.
    """
    if source.transport != "udp" or via.wants_rport or via.host.strip("[]") != source.address:
        return source
    port = via.port or 5060
    return source if port == source.port else Source(source.transport, source.address, port)


def stamp(request: Request, via: Via, source: Source) -> None:
    """`received` and `rport` on the top Via (section 18.2.1, RFC 3581); others on its line stay as they are."""
    line = request.headers.value("via") or ""
    if _ends_in_rport(line, via.params.written):
        stamp_usual(request, source)
        return
    stamped = via.received_from(source.address, source.port)
    if stamped is not via:
        others = Via.parse_list(line)[1:] if "," in line else ()
        request.headers.set_first("Via", ", ".join(map(str, (stamped, *others))))


def stamp_usual(request: Request, source: Source) -> None:
    """The same for a Via that ends in `rport`."""
    request.headers.lengthen_first("via", f"={source.port};received={source.address}")


def _ends_in_rport(line: str, params: str) -> bool:
    """As nearly all Vias, with a branch and nothing else: to be filled in without writing the line anew."""
    return (
        line.endswith(params)
        and params.endswith(";rport")
        and params.startswith(";branch=")
        and params.count(";") == 2
        and "," not in line
        and '"' not in params
    )


def merge_key(request: Request) -> tuple[str, str, str]:
    """Equal for the copies of one request that a forking proxy made (section 8.2.2.2)."""
    return request.from_tag, request.call_id, request.headers.get("CSeq") or ""
