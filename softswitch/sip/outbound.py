"""Several flows to one phone (RFC 5626), and the one address of each phone (RFC 5627), as the registrar has them.

A flow is the connection that a registration came over. Of the flows of one phone one is used at a time, the newest first;
the next one when it is dead. A public GRUU is the address of record with the phone's instance behind it; temporary ones
are not given.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from softswitch.sip.address import Address
from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import quote
from softswitch.sip.message import Request
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.sip.way import DEFAULT_PORTS

if TYPE_CHECKING:
    from softswitch.sip.registrar import Binding

_NO_OPTIONS: frozenset[str] = frozenset()
_REG_ID = ";reg-id="


def instance_of(contact: Address) -> str:
    """What a binding is known by: `+sip.instance`, with `;reg-id=N` where one was given that can be read."""
    instance = contact.params.text("+sip.instance")
    if not (instance.isascii() and instance.isprintable()):
        raise ParseError("a +sip.instance that cannot be used", reason="Bad Contact")
    reg_id = contact.params.get("reg-id") or ""
    usable = reg_id.isascii() and reg_id.isdigit() and 0 < len(reg_id) <= 10 and int(reg_id) > 0
    return f"{instance}{_REG_ID}{int(reg_id)}" if instance and usable else instance


def phone_of(binding: "Binding") -> str:
    """The instance alone; empty for a phone that has told none."""
    return binding.instance.partition(_REG_ID)[0]


def reg_id_of(binding: "Binding") -> str:
    return binding.instance.partition(_REG_ID)[2]


def is_flow(binding: "Binding") -> bool:
    """It lives and dies with its connection: a stream, and the phone keeps it (RFC 5626 section 6)."""
    return bool(reg_id_of(binding)) and binding.source.transport != "udp"


def claimed(binding: "Binding") -> Uri:
    """Where it says that it can be called: the first proxy on its Path, else its Contact."""
    return Address.parse(binding.path[0]).uri if binding.path else binding.contact


def on_own_host(uri: Uri, source: Source) -> bool:
    """It leads to the address that it came from, however that is written; of a name that cannot be known."""
    return _ip_of(uri.host) == source.ip


def dies_with_connection(binding: "Binding") -> bool:
    """It can be reached by its connection alone: a flow, a phone over TLS or a WebSocket, one over TCP whose Contact leads
    to another host than the one it came from. When that is gone, whoever has the same address and port next, behind the
    same NAT, must not get its calls. What a proxy keeps (Path) does not end with the proxy's connection to us; a Contact
    that is a name leads back where the port that it names is the one it came from."""
    source = binding.source
    if source.transport == "udp":
        return False
    if source.secure or source.transport == "ws":
        return True
    if binding.path:
        return False
    uri = binding.contact
    named = _ip_of(uri.host) is None and (uri.port or DEFAULT_PORTS["tcp"]) == source.port
    return is_flow(binding) or not (named or on_own_host(uri, source))


def _ip_of(host: str) -> IPv4Address | IPv6Address | None:
    """None for a name."""
    try:
        ip = ip_address(host.strip("[]"))
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def phones(bindings: Iterable["Binding"]) -> list[tuple["Binding", ...]]:
    """The flows of each phone together, in the order they came."""
    found: dict[str, list[Binding]] = {}
    for number, binding in enumerate(bindings):
        key = phone_of(binding) if reg_id_of(binding) else f"#{number}"
        found.setdefault(key, []).append(binding)
    return [tuple(flows) for flows in found.values()]


def public_gruu(aor: Uri, binding: "Binding") -> str:
    """The address of this one phone, `sips:` where its Contact is (RFC 5630 section 5.2.1); empty where its instance is no
    URN (RFC 5627 section 5.1)."""
    name = phone_of(binding).strip("<>")
    if not name.lower().startswith("urn:") or any(char in name for char in ';?&,<>" '):
        return ""
    return f"{binding.contact.scheme}:{aor.user}@{aor.host};gr={name}"


def with_gruu(bindings: Iterable["Binding"], uri: Uri) -> tuple["Binding", ...]:
    """Those that a Request-URI means: all of them, unless it is the GRUU of one phone."""
    wanted = uri.params.get("gr")
    if not wanted:
        return tuple(bindings)
    return tuple(each for each in bindings if phone_of(each).strip("<>").lower() == wanted.lower())


def contact_parameters(request: Request, binding: "Binding") -> str:
    """What the 200 says of a binding behind its address, but for the time that is left."""
    instance, reg_id = phone_of(binding), reg_id_of(binding)
    said = f";+sip.instance={quote(instance)}" if instance else ""
    said += f";reg-id={reg_id}" if reg_id else ""
    said += f";q={binding.q:g}" if binding.q != 1.0 else ""
    if instance and "gruu" in supported(request):
        gruu = public_gruu(request.to.uri, binding)
        said += f";pub-gruu={quote(gruu)}" if gruu else ""
    return said


def supported(request: Request) -> frozenset[str]:
    """Option tags that its sender has."""
    wanted = (*request.headers.get_list("Supported"), *request.headers.get_list("Require"))
    return frozenset(tag.lower() for tag in wanted) if wanted else _NO_OPTIONS


def lacks_outbound(request: Request, source: Source) -> bool:
    """A phone wants a flow, but a proxy stands before us that does not keep one: it would be lost (section 6, 439)."""
    if "outbound" not in supported(request) or len(request.vias) < 2:
        return False
    wanted = any("reg-id" in contact.params for contact in request.contacts)
    paths = request.headers.get_list("Path")
    return wanted and not (paths and "ob" in Address.parse(paths[-1]).uri.params)


def outbound_headers(
    request: Request, bindings: Iterable["Binding"], source: Source, flow_timer_s: int
) -> list[tuple[str, str]]:
    """That a flow was made, and how long it may be silent (sections 4.4 and 6)."""
    if "outbound" not in supported(request) or not any(
        is_flow(each) and each.source == source for each in bindings
    ):
        return []
    told = [("Require", "outbound")]
    return [*told, ("Flow-Timer", str(flow_timer_s))] if flow_timer_s else told
