"""A row of the audit trail, as a value."""

from softswitch.value import value


@value
class AuditRow:
    audit: str
    """Its id; later rows have greater ones."""
    node: str
    at: float
    """Wall."""
    actor: str
    role: str
    surface: str
    """`control`, `http`, `phone`, `feed` or `signal`."""
    origin: str
    """User and process, address, phone."""
    act: str
    target: str
    """`agent:ana`, `queue:sales`, `call:…`; empty: the switch."""
    details: str
    """JSON of what was asked for."""
    result: str
    """`done`, `refused` or `failed`."""
    why: str
    """Which right was missing, or what went wrong."""
