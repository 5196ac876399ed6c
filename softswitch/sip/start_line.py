"""The first line of a message: request line and status line of RFC 3261 sections 7.1 and 7.2."""

import re
from functools import lru_cache

from softswitch.sip.errors import ParseError

_REQUEST_LINE = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+) ([^\x00-\x20\x7f]+) SIP/2\.0", re.IGNORECASE)
_USUAL_REQUEST_LINE = re.compile(r"([A-Z]+) ([!-~]+) SIP/2\.0")
"""As nearly all write it: found without regard to case in a third of the time."""
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: ([^\r\n]*))?", re.IGNORECASE)
_BROKEN_REQUEST_LINE = re.compile(
    r"([A-Za-z0-9\-.!%*_+`'~]+)[ \t](.*)[ \t]SIP/([0-9]{1,3}\.[0-9]{1,3})[ \t]*", re.IGNORECASE
)
_LONGEST_REMEMBERED = 64


def request_line(line: str) -> tuple[str, str] | None:
    """Method and Request-URI; None when it is something else."""
    match = _USUAL_REQUEST_LINE.fullmatch(line) or _REQUEST_LINE.fullmatch(line)
    return None if match is None else (match[1], match[2])


def status_line(line: str) -> tuple[int, str]:
    """Status and reason phrase. Raises ParseError, for a request of another version with the status to answer."""
    return _remembered_status(line) if len(line) <= _LONGEST_REMEMBERED else _status(line)


def broken_request_line(line: str) -> tuple[str, str] | None:
    """Method and Request-URI of what is near enough to a request line to be answered."""
    match = _BROKEN_REQUEST_LINE.fullmatch(line)
    return None if match is None else (match[1], match[2].strip(" \t"))


@lru_cache(maxsize=1024)
def _remembered_status(line: str) -> tuple[int, str]:
    """There are few, and they come again with every message."""
    return _status(line)


def _status(line: str) -> tuple[int, str]:
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        broken = _BROKEN_REQUEST_LINE.fullmatch(line)
        if broken is not None and broken[3] != "2.0":
            raise ParseError("a version that is not 2.0", sip_status=505)
        raise ParseError("no start line of SIP")
    return int(match[1]), match[2] or ""
