"""What one place on a fake network sent and got, short enough to be compared with what a test expects."""

from collections.abc import Iterator

from softswitch.sip.message import Request, parse_message
from softswitch.sip.source import Source
from softswitch.testing.network import Network


def ladder(network: Network, place: Source) -> list[str]:
    """All it sent (`> INVITE`) and got (`< 200 INVITE`), by when it was sent, whether it arrived or not."""
    return list(_steps(network, place))


def _steps(network: Network, place: Source) -> Iterator[str]:
    for packet in network.packets:
        if place not in (packet.sender, packet.receiver):
            continue
        message = parse_message(packet.data)
        arrow = ">" if packet.sender == place else "<"
        if isinstance(message, Request):
            yield f"{arrow} {message.method}"
        else:
            yield f"{arrow} {message.status} {message.cseq.method}"


def requests_to(network: Network, place: Source, method: str) -> list[Request]:
    """Requests of this method that were sent to `place`."""
    found = [parse_message(packet.data) for packet in network.packets if packet.receiver == place]
    return [one for one in found if isinstance(one, Request) and one.method == method]
