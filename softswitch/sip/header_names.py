"""Names of header fields: long and compact forms, without regard to case (RFC 3261 sections 7.3.1, 7.3.3 and 20)."""

from functools import lru_cache

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import IS_TOKEN, fold

_LONG_NAMES = (
    "Accept Accept-Contact Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Authentication-Info "
    "Authorization Call-ID Call-Info Contact Content-Disposition Content-Encoding Content-Language Content-Length "
    "Content-Type CSeq Date Diversion Error-Info Event Expires Flow-Timer From History-Info Identity In-Reply-To "
    "Max-Forwards MIME-Version Min-Expires Min-SE Organization P-Asserted-Identity P-Preferred-Identity Path Priority "
    "Privacy Proxy-Authenticate Proxy-Authorization Proxy-Require RAck Reason Record-Route Refer-To Referred-By "
    "Reject-Contact Remote-Party-ID Replaces Reply-To Request-Disposition Require Retry-After Route RSeq Server "
    "Service-Route Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Supported Timestamp To Unsupported "
    "User-Agent Via Warning WWW-Authenticate"
)
_COMPACT = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}
_WRITTEN = {name.lower(): name for name in _LONG_NAMES.split()}
KEYS: dict[str, str] = {
    **{form: name.lower() for name in _LONG_NAMES.split() for form in (name, name.lower(), name.upper())},
    **{form: name.lower() for letter, name in _COMPACT.items() for form in (letter, letter.upper())},
}
"""How names are usually written, to folded long name."""
BEGINNINGS = {name: (key, f"{_WRITTEN[key]}: ") for name, key in KEYS.items()}
"""By how a name is written: its folded long name, and what a line of ours begins with."""
_LONGEST_REMEMBERED = 64


def header_key(name: str) -> str:
    """The folded long name by which a header is found, `via` for `v`; raises ParseError when it is no token."""
    known = KEYS.get(name)
    if known is not None:
        return known
    if IS_TOKEN.fullmatch(name) is None:
        raise ParseError("a header name that is no token")
    folded = fold(name)
    return KEYS.get(folded, folded)


def remembered_key(name: str) -> str:
    """As `header_key`, for names that come again."""
    return _remembered_key(name) if len(name) <= _LONGEST_REMEMBERED else header_key(name)


@lru_cache(maxsize=1024)
def _remembered_key(name: str) -> str:
    return header_key(name)


def long_name(key: str, otherwise: str) -> str:
    """As the RFC writes the name whose folded long form is `key`; `otherwise` when it is none of these."""
    return _WRITTEN.get(key, otherwise)


def beginning_of(name: str) -> tuple[str, str]:
    """Folded long name, and what a line of ours begins with; raises ParseError when `name` is no token."""
    known = BEGINNINGS.get(name)
    if known is not None:
        return known
    key = header_key(name)
    return key, f"{long_name(key, name)}: "
