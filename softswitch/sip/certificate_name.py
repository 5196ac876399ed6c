"""Whether a certificate is for the SIP domain that was asked for (RFC 5922 section 7), whatever DNS made of its name.

A `sip:` URI among the alternative names rules out the DNS names beside it; the common name does not count. Wildcards
match only where the administrator says so, for the providers that use them against section 7.2.
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from softswitch.sip.errors import ParseError
from softswitch.sip.uri import Uri


def is_for(certificate: Mapping[str, Any], name: str, *, wildcards: bool = False) -> bool:
    """`certificate` as `SSLObject.getpeercert` gives it; `name` a host name, or an IP address without brackets."""
    found = alternative_names(certificate)
    if _address(name) is not None:
        return any(kind == "IP Address" and _address(value) == _address(name) for kind, value in found)
    wanted = _plain(name)
    domains = [domain for kind, value in found if kind == "URI" and (domain := _sip_domain(value))]
    if domains:
        return wanted in domains
    return any(_matches(_plain(value), wanted, wildcards) for kind, value in found if kind == "DNS")


def alternative_names(certificate: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    names = certificate.get("subjectAltName") or ()
    return [(str(kind), str(value)) for kind, value in names]


def described(certificate: Mapping[str, Any]) -> str:
    """Whom it is for, for a log."""
    return ", ".join(value for _, value in alternative_names(certificate)) or "nobody: no subjectAltName"


def _matches(pattern: str, wanted: str, wildcards: bool) -> bool:
    if pattern == wanted:
        return "*" not in pattern
    first, _, rest = wanted.partition(".")
    return wildcards and bool(first) and "." in rest and pattern == f"*.{rest}"


def _sip_domain(text: str) -> str:
    """The domain of `sip:DOMAIN`; a URI with a user is for that user only, and `sips:` has no place here."""
    try:
        uri = Uri.parse(text)
    except ParseError:
        return ""
    return _plain(uri.host) if uri.scheme == "sip" and not uri.user else ""


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


def _address(text: str) -> object | None:
    try:
        return ip_address(text.strip("[]"))
    except ValueError:
        return None
