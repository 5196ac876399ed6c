"""The keys of `[events]`, `[webhook.NAME]` and `[ami]`: who else hears what happens, and how."""

import ipaddress
import re
from dataclasses import dataclass, field

_LISTEN = re.compile(r"(\[[0-9a-fA-F:.]+\]|[0-9.]+):([0-9]{1,5})")
_URL = re.compile(r"https?://[^\s/?#@]+(?:[/?][^\s#]*)?")
_TOPIC = re.compile(r"[a-z_*?]+(?:\.[a-z_*?]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What happens, as one ordered stream of JSON over a WebSocket, `/v1/events`."""

    keep: int = 10000
    """Latest events kept in memory, for those who resume from a number; 0 keeps none, and nobody can follow."""
    followers: int = 50
    """Who may follow at once; more get 503."""
    listen: str = ""
    """`ADDRESS:PORT` of an HTTP server for `/v1/events`, `/metrics`, `/health` and `/ready`, and nothing else; empty opens
    none: they are on the control socket in any case. Needs a secret."""
    secret: str = field(default="", repr=False)
    """What its clients show, as `Authorization: Bearer SECRET` or `?token=SECRET`; better use `secret_file`."""
    secret_file: str = ""
    """File whose first line is the secret; relative to the file that names it."""
    person: str = ""
    """Whose rights it has: only what this `[person.NAME]` may see is shown to whoever has the secret. Empty: everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An address that events are sent to by POST, those of one call in order."""

    url: str
    """`https://HOST/PATH`."""
    topics: tuple[str, ...] = ("*",)
    """Events that are sent: `call.ended`, `queue.*`, `*`; `docs/events.md` lists them. An empty list sends nothing."""
    secret: str = field(default="", repr=False)
    """Key of the signature (HMAC with SHA-256) in `X-Softswitch-Signature`; better use `secret_file`. Without one nothing
    is signed."""
    secret_file: str = ""
    """File whose first line is the key; relative to the file that names it."""
    timeout_s: float = 10.0
    """How long an answer may take."""
    retry_min_s: float = 1.0
    """First pause after a failure; it doubles with each further one."""
    retry_max_s: float = 60.0
    """Longest pause between tries."""
    give_up_s: float = 3600.0
    """Age at which an event is sent no more."""
    waiting: int = 10000
    """Events waiting at once; more are lost, counted and told by an alarm."""
    parallel: int = 4
    """Requests at once, of different calls."""
    person: str = ""
    """Whose rights it has: only what this `[person.NAME]` may see is sent. Empty: everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ami:
    """A feed for wallboards made for Asterisk's manager interface: it can be read, and nothing can be done through it."""

    listen: str = ""
    """`ADDRESS:PORT` on this machine, `127.0.0.1:5038`; empty opens none. Needs a user and a secret."""
    user: str = ""
    """User name of a Login."""
    secret: str = field(default="", repr=False)
    """The secret of a Login, plain or by MD5 challenge; better use `secret_file`."""
    secret_file: str = ""
    """File whose first line is the secret; relative to the file that names it."""
    clients: int = 20
    """Connections at once; more are closed."""
    waiting_kb: int = 1024
    """What may wait for a slow client, in KiB; it is disconnected then."""
    person: str = ""
    """Whose rights it has: only what this `[person.NAME]` may see is told. Empty: everything."""


def listen_on(text: str) -> tuple[str, int]:
    """Address and port of `ADDRESS:PORT`; raises ValueError."""
    match = _LISTEN.fullmatch(text)
    if match is None or not 0 <= int(match[2]) < 65536:
        raise ValueError(f"{text!r} is nothing to listen on; expected ADDRESS:PORT, as 127.0.0.1:9091")
    host = match[1].strip("[]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{host!r} is no IP address") from None
    return host, int(match[2])


def loopback(text: str) -> tuple[str, int]:
    """The same, where only addresses of this machine itself are allowed; raises ValueError."""
    host, port = listen_on(text)
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(
            f"{host} can be reached from elsewhere, and this feed is not encrypted; expected 127.0.0.1 or [::1]"
        )
    return host, port


def web_address(text: str) -> None:
    """Raises ValueError."""
    if not _URL.fullmatch(text):
        raise ValueError(f"{text!r} is no address to send to; expected https://HOST/PATH, without a password")


def topic_pattern(text: str) -> None:
    """Raises ValueError."""
    if not _TOPIC.fullmatch(text):
        raise ValueError(f"{text!r} is no topic; expected call.ended, queue.* or *")
