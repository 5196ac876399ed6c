"""What the keys of SIP's transports say of each other: listeners, their advertised addresses, and TLS."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path as FilePath

from softswitch.config.problem import Finding, Path, nearest
from softswitch.config.schema import Config

TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")
SECURE = ("tls", "wss")
_LISTEN = re.compile(
    rf"(?P<transport>{'|'.join(TRANSPORTS)})://(?P<host>\[[0-9a-fA-F:.]+\]|[0-9.]+):(?P<port>[0-9]{{1,5}})"
)
_ADVERTISED = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[0-9.]+|[0-9a-fA-F:.]+?)(?::(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"\*|https?://[^/\s]+/?")


def listen_address(text: str) -> tuple[str, str, int]:
    """Transport, address and port of `udp://ADDRESS:PORT`; raises ValueError."""
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(
            f"{text!r} is no address to listen on; expected udp://ADDRESS:PORT or tcp://ADDRESS:PORT, "
            "or the same with tls, ws or wss"
        )
    host = match["host"].strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{host!r} is no IP address of this machine; 0.0.0.0 listens on all") from None
    return match["transport"], host, int(match["port"])


def advertised_address(text: str) -> tuple[str, int]:
    """Address and port of `ADDRESS` or `ADDRESS:PORT`, IPv6 with a port in brackets; port 0: that of the listener. Raises
    ValueError."""
    try:
        return str(ipaddress.ip_address(text.strip("[]"))), 0
    except ValueError:
        pass
    match = _ADVERTISED.fullmatch(text)
    try:
        if match is not None and match["port"] and 0 < int(match["port"]) < 65536:
            return str(ipaddress.ip_address(match["host"].strip("[]"))), int(match["port"])
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no address; expected ADDRESS or ADDRESS:PORT, as 203.0.113.5:5060")


def origin(text: str) -> None:
    if not _ORIGIN.fullmatch(text):
        raise ValueError(f"{text!r} is no origin of web pages; expected https://HOST or *")


def check_transports(config: Config) -> Iterator[Finding]:
    yield from _advertised(config)
    yield from _certificates(config)


def tls_files(config: Config) -> Iterator[Finding]:
    """Files of TLS that cannot be read."""
    sip = config.sip
    named: list[tuple[Path, str]] = [
        (("sip", key), getattr(sip, key)) for key in ("tls_certificate", "tls_key", "tls_ca")
    ]
    for name, trunk in config.trunk.items():
        if trunk.tls is not None:
            keys = ("ca", "certificate", "key")
            named += [(("trunk", name, "tls", key), getattr(trunk.tls, key)) for key in keys]
    for path, file in named:
        if file and not FilePath(file).is_dir():
            try:
                with FilePath(file).open("rb"):
                    pass
            except OSError as error:
                yield Finding(path=path, message=f"{file} cannot be read: {error.strerror}")


def _advertised(config: Config) -> Iterator[Finding]:
    for listener, text in config.sip.advertised.items():
        path: Path = ("sip", "advertised", listener)
        if listener not in config.sip.listen:
            meant = nearest(listener, config.sip.listen)
            yield Finding(path=path, message=f"{listener} is not in sip.listen", did_you_mean=meant)
        try:
            advertised_address(text)
        except ValueError as error:
            yield Finding(path=path, message=str(error))


def _certificates(config: Config) -> Iterator[Finding]:
    sip = config.sip
    for index, text in enumerate(sip.listen):
        if text.split(":")[0] in SECURE and not sip.tls_certificate:
            yield Finding(path=("sip", "listen", index), message=f"{text} needs sip.tls_certificate")
    if sip.tls_clients != "ignore" and not sip.tls_ca:
        message = "needs sip.tls_ca: certificates of any public authority would do otherwise"
        yield Finding(path=("sip", "tls_clients"), message=message)
    named: dict[str, tuple[str, object]] = {}
    for name, trunk in config.trunk.items():
        if trunk.tls is None:
            continue
        host = re.sub(r"^sips?:(?:[^@]*@)?(\[[^\]]*\]|[^:;?]*).*$", r"\1", trunk.host).lower()
        other, settings = named.setdefault(host, (name, trunk.tls))
        if settings != trunk.tls:
            message = f"differs from that of trunk {other!r}, which has the same host"
            yield Finding(path=("trunk", name, "tls"), message=message)


def udp_without_tcp(config: Config) -> Iterator[Finding]:
    """RFC 3261 section 18.1.1: what is too long for a datagram comes over TCP to the same place."""
    streams = {text for text in config.sip.listen if text.startswith("tcp://")}
    for index, text in enumerate(config.sip.listen):
        twin = text.replace("udp://", "tcp://", 1)
        if text.startswith("udp://") and not text.endswith(":0") and twin not in streams:
            message = f"peers send messages that are too long for UDP to {twin}, where nobody listens"
            yield Finding(
                path=("sip", "listen", index), message=message, expected=f"{twin} beside it", warning=True
            )
