"""What this switch says that it can do: Allow, Accept and Supported (RFC 3261 sections 20.1, 20.5, 20.37)."""

SDP_TYPE = "application/sdp"
METHODS = (
    "INVITE",
    "ACK",
    "CANCEL",
    "BYE",
    "OPTIONS",
    "INFO",
    "UPDATE",
    "PRACK",
    "REGISTER",
    "REFER",
    "NOTIFY",
    "SUBSCRIBE",
)
ALLOW = ("Allow", ", ".join(METHODS))
ACCEPT = ("Accept", SDP_TYPE)
EXTENSIONS: frozenset[str] = frozenset({"100rel", "norefersub", "path", "replaces", "timer"})
"""Option tags that a Require of a peer may name."""
SUPPORTED = ("Supported", ", ".join(sorted(EXTENSIONS)))
