"""Single values of the tables about trunks that fit their type but not their meaning. Each check raises ValueError that
says what was expected."""

import ipaddress
import re

MAX_VALUE = 1024
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,64}")
_CAUSE = re.compile(r"[3-6](?:[0-9]{2}|xx)")
_PORT = re.compile(r"[0-9]{1,5}")
_DIGITS = re.compile(r"[0-9]{1,15}")
OURS = frozenset(
    {
        *(
            "via",
            "from",
            "to",
            "call-id",
            "cseq",
            "contact",
            "max-forwards",
            "route",
            "record-route",
            "allow",
        ),
        *("content-length", "content-type", "content-encoding", "authorization", "proxy-authorization"),
        *("require", "proxy-require", "supported", "session-expires", "min-se", "rack", "rseq", "event"),
        *("v", "f", "t", "i", "m", "l", "c", "e", "k", "x", "o"),
    }
)
"""Headers that belong to our own dialog: nobody else writes them."""


def header_name(text: str) -> None:
    if not _TOKEN.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a header")
    if text.lower() in OURS:
        raise ValueError(f"{text!r} belongs to our own dialog and cannot be passed on or added")


def header_value(text: str) -> None:
    if len(text) > MAX_VALUE or not text.isprintable():
        raise ValueError(f"a header's value has at most {MAX_VALUE} printable characters")


def name_server(text: str) -> tuple[str, int]:
    """Address and port; raises ValueError."""
    host, colon, port = (
        text.rpartition(":") if text.count(":") == 1 or text.startswith("[") else (text, "", "")
    )
    try:
        address = str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        raise ValueError(f"{text!r} is no DNS server; expected an IP address, or ADDRESS:PORT") from None
    if colon and not (_PORT.fullmatch(port) and 0 < int(port) < 65536):
        raise ValueError(f"{text!r}: {port!r} is no port")
    return address, int(port) if colon else 53


def failover_cause(text: str) -> None:
    if not _CAUSE.fullmatch(text):
        raise ValueError(f"{text!r} is no cause; expected a status from 300 to 699, or a class as 5xx")


def digits(text: str) -> None:
    if not _DIGITS.fullmatch(text):
        raise ValueError(f"{text!r} is no prefix; expected 1 to 15 digits, without +")
