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
PROXIED = ("MESSAGE", "INFO")
"""Methods that are passed on outside dialogs; who sends them is asked with 407, as proxies do."""
ALLOW_OUTSIDE = ("Allow", ", ".join((*METHODS, "MESSAGE")))
"""Of requests outside dialogs."""
ACCEPT = ("Accept", SDP_TYPE)
EXTENSIONS: frozenset[str] = frozenset({"100rel", "norefersub", "path", "replaces", "timer"})
"""Option tags that a Require of a peer may name."""
REGISTRAR_EXTENSIONS = EXTENSIONS | {"gruu", "outbound"}
"""The same of a REGISTER (RFC 5626, 5627)."""
SUPPORTED = ("Supported", ", ".join(sorted(EXTENSIONS)))
