"""Keys of TLS towards one trunk."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkTls:
    verify: Literal["name", "wildcard", "chain", "none"] = "name"
    """What its certificate must prove: `name` that it is for the host that is called, before DNS is asked (RFC 5922);
    `wildcard` the same, `*.example.com` counts too; `chain` only that an authority signed it; `none` nothing."""
    name: str = ""
    """Name that its certificate must be for, instead of that host."""
    ca: str = ""
    """PEM file or folder of the authorities that may have signed it; empty means `sip.tls_ca`."""
    certificate: str = ""
    """PEM file of the certificate that we show it; empty means `sip.tls_certificate`."""
    key: str = ""
    """PEM file of its key; empty: in the same file."""
