"""Record-Route values of ours (RFC 3261 section 16.6 step 4): what keeps the requests of a proxied dialog on their way.

Loose (`lr`), with a mark by which they are known when they come back. Where both sides reach us at different addresses or
transports there are two, one for each (RFC 5658 section 5): the topmost is the callee's.
"""

from softswitch.sip.source import Source

_TRANSPORTS = {"udp": "", "wss": ";transport=ws"}


def record_routes(
    mark: str,
    caller: Source,
    callee: Source,
    places: tuple[tuple[str, int], tuple[str, int]],
    *,
    secure: bool,
) -> tuple[str, ...]:
    """`places` are those by which the caller and the callee reach us."""
    towards_caller = _value(mark, places[0], caller.transport, secure=secure)
    towards_callee = _value(mark, places[1], callee.transport, secure=secure)
    if towards_caller == towards_callee:
        return (towards_callee,)
    return towards_callee, towards_caller


def _value(mark: str, place: tuple[str, int], transport: str, *, secure: bool) -> str:
    host, port = place
    host = f"[{host}]" if ":" in host else host
    scheme = "sips" if secure and transport in ("tls", "wss") else "sip"
    told = _TRANSPORTS.get(transport, f";transport={transport}")
    if scheme == "sips":
        told = ";transport=ws" if transport == "wss" else ""
    return f"<{scheme}:{host}:{port}{told};lr;px={mark}>"
