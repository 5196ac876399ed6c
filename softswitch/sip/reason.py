"""Reason phrases, the Reason header (RFC 3326), and how SIP status and Q.850 cause stand for each other (RFC 3398)."""

from dataclasses import dataclass

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import IS_TOKEN, number, quote, split
from softswitch.sip.params import NO_PARAMS, Params

PHRASES = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    204: "No Notification",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    412: "Conditional Request Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    417: "Unknown Resource-Priority",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    428: "Use Identity Header",
    429: "Provide Referrer Identity",
    430: "Flow Failed",
    433: "Anonymity Disallowed",
    436: "Bad Identity Info",
    437: "Unsupported Credential",
    438: "Invalid Identity Header",
    439: "First Hop Lacks Outbound Support",
    440: "Max-Breadth Exceeded",
    469: "Bad Info Package",
    470: "Consent Needed",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    494: "Security Agreement Required",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    555: "Push Notification Service Not Supported",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
    607: "Unwanted",
    608: "Rejected",
}
_CLASS_PHRASES = (
    "",
    "Session Progress",
    "OK",
    "Redirection",
    "Bad Request",
    "Server Internal Error",
    "Decline",
)

CAUSE_OF_STATUS = {
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    405: 63,
    406: 79,
    407: 21,
    408: 102,
    410: 22,
    413: 127,
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    423: 127,
    480: 18,
    481: 41,
    482: 25,
    483: 25,
    484: 28,
    485: 1,
    486: 17,
    487: 16,
    488: 31,
    500: 41,
    501: 79,
    502: 38,
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    600: 17,
    603: 21,
    604: 1,
    606: 31,
}
"""RFC 3398 section 8.2.6.1; 487 and 488 are not in its table and follow what gateways send."""

STATUS_OF_CAUSE = {
    1: 404,
    2: 404,
    3: 404,
    16: 480,
    17: 486,
    18: 408,
    19: 480,
    20: 480,
    21: 403,
    22: 410,
    23: 410,
    26: 404,
    27: 502,
    28: 484,
    29: 501,
    31: 480,
    34: 503,
    38: 503,
    41: 503,
    42: 503,
    47: 503,
    55: 403,
    57: 403,
    58: 503,
    65: 488,
    70: 488,
    79: 501,
    87: 403,
    88: 503,
    102: 504,
    111: 500,
    127: 500,
}
"""RFC 3398 section 7.2.4.1; 16 (normal clearing) has no status there, and 480 is what ends a call that never began."""


def phrase(status: int) -> str:
    """The standard reason phrase, or that of its class."""
    return PHRASES.get(status) or _CLASS_PHRASES[status // 100 if 100 <= status <= 699 else 0]


def cause_of(status: int) -> int:
    """The Q.850 cause for a final status; 31 (normal, unspecified) for one that no table names."""
    if status < 300:
        return 16
    return CAUSE_OF_STATUS.get(status, 31)


def status_of(cause: int) -> int:
    """The SIP status for a Q.850 cause; 480 for one that no table names."""
    return STATUS_OF_CAUSE.get(cause, 480)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    protocol: str
    """`SIP`, `Q.850` or another token."""
    cause: int | None = None
    text: str = ""
    params: Params = NO_PARAMS
    """Those that are neither cause nor text."""

    @classmethod
    def parse(cls, value: str) -> "Reason":
        protocol, semicolon, rest = value.partition(";")
        protocol = protocol.rstrip(" \t")
        if IS_TOKEN.fullmatch(protocol) is None:
            raise ParseError("a Reason without a protocol")
        params = Params.parse(semicolon + rest)
        cause = params.get("cause")
        return cls(
            protocol=protocol,
            cause=None if cause is None else number(cause, "cause", 999),
            text=params.text("text"),
            params=params.without("cause", "text"),
        )

    @classmethod
    def parse_list(cls, value: str) -> list["Reason"]:
        return [cls.parse(piece.strip(" \t")) for piece in split(value, ",")]

    def __str__(self) -> str:
        cause = "" if self.cause is None else f";cause={self.cause}"
        text = f";text={quote(self.text)}" if self.text else ""
        return f"{self.protocol}{cause}{text}{self.params}"


def q850(cause: int, text: str = "") -> Reason:
    return Reason(protocol="Q.850", cause=cause, text=text)
