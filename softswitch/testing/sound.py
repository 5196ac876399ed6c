"""Session descriptions as phones write them, for scripted peers."""

from softswitch.sip.sdp import SessionDescription

_PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G729": 18}


def described(
    address: str,
    *,
    port: int = 4000,
    codecs: tuple[str, ...] = ("PCMU", "PCMA"),
    direction: str = "sendrecv",
    events: bool = True,
    version: int = 1,
) -> SessionDescription:
    """An offer, or an answer, of a phone at `address`; `events`: it knows RFC 4733."""
    numbers = [str(_PAYLOAD_TYPES[codec]) for codec in codecs]
    maps = [f"a=rtpmap:{_PAYLOAD_TYPES[codec]} {codec}/8000" for codec in codecs]
    if events:
        numbers.append("101")
        maps += ["a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15"]
    lines = [
        "v=0",
        f"o=- 20 {version} IN IP4 {address}",
        "s=-",
        f"c=IN IP4 {address}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {' '.join(numbers)}",
        *maps,
        "a=ptime:20",
        f"a={direction}",
    ]
    return SessionDescription.parse("\r\n".join([*lines, ""]).encode())
