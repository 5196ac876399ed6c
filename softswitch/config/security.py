"""The keys of `[security]`: who may send how much, who is banned for what, and when there is too much to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """Limits of sources that are neither trusted, nor a trunk's, nor a phone's with a fixed address."""

    enabled: bool = True
    """Off: no source is limited or banned, except by hand."""
    trusted: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """Networks that are never limited, and banned by hand only; trunks and phones with a fixed address need not stand
    here."""
    rate: float = 30.0
    """Messages a second of one address that has proved nothing; five seconds' worth at once."""
    network_rate: float = 200.0
    """The same for a whole /24 of such addresses, or a /64 of IPv6."""
    strangers_rate: float = 300.0
    """The same for all of them together; a fifth of it when there is too much to do."""
    known_rate: float = 1000.0
    """Messages a second of one address from which a phone has authenticated itself in the last two hours."""
    ban_after: int = 10
    """Failed authentications within `ban_window_s` after which an address (of IPv6: its /64) is banned. Five times as many
    unreadable messages or guessed nonces count as much, and ten times as many challenges left unanswered. An address of
    phones that have authenticated themselves is banned ten times as late, and for failed authentications only."""
    ban_window_s: float = 600.0
    """In this time what was done wrong is forgotten, bit by bit."""
    ban_s: float = 300.0
    """Length of a first ban."""
    ban_growth: float = 4.0
    """Each further ban of the same source is so many times as long."""
    ban_max_s: float = 86400.0
    """Longest ban; twice this long without one, and its history is forgotten."""
    scanners: tuple[str, ...] = (
        "User-Agent: friendly-scanner",
        "User-Agent: friendly-request",
        "User-Agent: sipvicious",
        "User-Agent: sundayddr",
        "User-Agent: sipcli",
        "User-Agent: sip-scan",
        "User-Agent: vaxsipuseragent",
        "User-Agent: pplsip",
        "User-Agent: iwar",
        "User-Agent: sivus",
        "User-Agent: smap",
        "From: sipvicious",
        "To: sipvicious",
        "To: @1.1.1.1",
    )
    """Texts by which scanners are known, `HEADER: TEXT`, found anywhere in that header without regard to case. A stranger
    who sends one is banned at once."""
    connection_rate: float = 10.0
    """New connections a second of one address that has proved nothing; five seconds' worth at once."""
    max_transactions: int = 500
    """Requests of one address being served at once; more get 503. 0 is no limit."""
    max_dialogs: int = 200
    """Calls of one address at once; more get 503. 0 is no limit."""
    max_subscriptions: int = 500
    """Subscriptions of one address at once; more get 503. 0 is no limit."""
    contact_networks: tuple[str, ...] = ()
    """Networks that the addresses of registered contacts must be in, beside the address that the REGISTER came from; names
    are refused then. Empty: anywhere but our own addresses."""
    overload_lag_ms: float = 250.0
    """Lateness of the switch's loop at which new calls are refused; at twice as much registrations too. 0 never."""
    overload_queue_percent: float = 50.0
    """The same for how full the sockets' receive queues are."""
    overload_cpu_percent: float = 98.0
    """Use of one processor that counts as overload when the loop is half as late as `overload_lag_ms` too; 0 never."""
