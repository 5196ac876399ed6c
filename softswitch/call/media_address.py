"""Where the media of a leg is received: IPv6 for a peer that signals over IPv6, whatever the other leg of its call uses."""


def media_address(configured: str, advertised: str) -> str:
    """`configured` is `rtp.address`; `advertised` what the peer is told, which must be reachable over its IP version."""
    if (":" in configured) == (":" in advertised):
        return configured
    return "::" if ":" in advertised else "0.0.0.0"
