"""Table of the configuration about SIP: addresses, names, certificates, timers and limits (RFC 3261 and what extends it).

`schema.py` joins it to the rest; the docstring under each field is what the reference prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sip:
    listen: tuple[str, ...] = ("udp://0.0.0.0:5060", "tcp://0.0.0.0:5060")
    """Addresses to listen on, `TRANSPORT://ADDRESS:PORT`, with `udp`, `tcp`, `tls`, `ws` (SIP over WebSocket, RFC 7118) or
    `wss`; IPv6 in brackets. Whoever listens on UDP should listen on TCP at the same place."""
    advertised: Mapping[str, str] = field(default_factory=dict)
    """What peers outside `local_nets` are told as our address, for one of `listen`: `"udp://10.0.0.1:5060" =
    "203.0.113.5"`, with `:PORT` where that differs too. Goes before `external_address`."""
    external_address: str = ""
    """What peers outside `local_nets` are told as our address, when we are behind NAT."""
    local_nets: tuple[str, ...] = (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
    """Networks that see our own address rather than `external_address`, which is never shown to the other IP version."""
    tls_certificate: str = ""
    """PEM file of our certificate, with those between it and the authority. Read again by `softswitch reload`; connections
    that stand keep what they began with."""
    tls_key: str = ""
    """PEM file of its key, without a password; empty: in the same file."""
    tls_ca: str = ""
    """PEM file or folder of the authorities that peers' certificates must be signed by; empty: those of the system."""
    tls_clients: Literal["ignore", "optional", "required"] = "ignore"
    """Whether those who connect to us over TLS are asked for a certificate of `tls_ca`. `optional`: one that is shown must
    be good."""
    ws_origins: tuple[str, ...] = ()
    """Web pages that may open a WebSocket, `https://HOST`; `["*"]` is any, none is those of the host they connect to."""
    keepalive_s: float = 0.0
    """Pause between keep-alives (CRLF CRLF, RFC 5626) on TCP and TLS connections that we opened; 0 sends none. Probes of
    trunks keep connections open too."""
    realm: str = "softswitch"
    """Realm of digest challenges."""
    digest: tuple[Literal["SHA-256", "MD5"], ...] = ("SHA-256", "MD5")
    """Digest algorithms that phones are challenged with, best first, one header each (RFC 8760)."""
    md5_only: tuple[str, ...] = ("baresip v0", "baresip v1", "pyVoIP")
    """Beginnings of the User-Agent of phones that give up at a challenge they do not know: they are offered MD5 alone,
    whether their user exists or not."""
    domains: tuple[str, ...] = ()
    """Host names that phones may use in their address of record beside our own addresses; empty accepts any."""
    user_agent: str = "softswitch"
    """User-Agent and Server header; empty sends none."""
    t1_ms: int = 500
    """RFC 3261 timer T1, the round-trip estimate."""
    t2_ms: int = 4000
    """RFC 3261 timer T2, the longest retransmission interval."""
    t4_ms: int = 5000
    """RFC 3261 timer T4, how long a message may stay in the network."""
    target_timeout_s: float = 4.0
    """How long one of several servers of a name, or of several trunks of a group, may leave a request without any response
    before the next one is tried (RFC 3263 section 4.3). The last one has 64 times `t1_ms`."""
    session_expires_s: int = 1800
    """How long an established session may last without a sign of life (RFC 4028): half-way one of the two sides refreshes
    it, and a call whose peer has vanished ends. 0 asks for none; what a peer asks for is given."""
    min_se_s: int = 90
    """Shortest session interval accepted; shorter ones get 422. RFC 4028 wants at least 90: less is for tests."""
    name_servers: tuple[str, ...] = ()
    """DNS servers that are asked, `ADDRESS` or `ADDRESS:PORT`; empty: those of the system."""
    nonce_lifetime_s: int = 300
    """Age at which a digest nonce is stale and renewed."""
    min_expires_s: int = 60
    """Shortest registration accepted; shorter ones get 423."""
    default_expires_s: int = 3600
    """Registration time when the phone names none."""
    max_expires_s: int = 7200
    """Longest registration granted."""
    max_contacts: int = 5
    """Contacts of one endpoint at once; the oldest is replaced."""
    flow_timer_s: int = 120
    """Longest silence of phones that keep their connection open for us (RFC 5626), as they are told: they send CRLF CRLF
    more often than that. 0 tells them nothing."""
    max_message_bytes: int = 65535
    """Longest message accepted over a stream."""
