"""Tables of the configuration about calls that go out: trunks and their groups, prices by prefix, numbers, and what may be
dialled.

`schema.py` joins them to the rest; the docstring under each field is what the reference prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from softswitch.config.credentials import Auth
from softswitch.config.media import CodecName, MediaKind, SrtpPolicy
from softswitch.config.prompts import Language
from softswitch.config.transports import TrunkTls


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    trunk: str
    """A trunk's name."""
    priority: int = 1
    """With strategy `priority`: lower ones are tried first."""
    weight: int = 1
    """Share of the calls among members of equal priority; with strategy `weighted`, among all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkGroup:
    """Several trunks under one name. It is a target as a trunk is, `trunk:NAME`, and no trunk may have the same name."""

    members: tuple[GroupMember, ...]
    """The trunks."""
    strategy: Literal["priority", "weighted", "round-robin"] = "priority"
    """Which is tried first: `priority` the lowest priority, by weight among equals; `weighted` any, by weight;
    `round-robin` each in turn."""
    failover_on: tuple[str, ...] = ("5xx", "408")
    """Answers after which the next trunk is tried: statuses, or classes as `5xx`. A trunk that is down, full or cannot be
    reached is always passed over."""
    attempts: int = 3
    """Trunks that one call may be tried at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    prefix: str
    """Leading digits of the number in E.164 without `+`; empty is any number."""
    trunk: str
    """A trunk or a group of trunks."""
    cost: float
    """Price of a minute, in whatever unit: only the order counts."""
    when: str = ""
    """Calendar within whose hours this price holds; empty is always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lcr:
    """Least-cost routing: the target `lcr:NAME`. The longest prefix counts, then the price; the dearer ones are what is
    tried when the cheapest fails."""

    rates: tuple[Rate, ...] = ()
    """Prices."""
    file: str = ""
    """More of them, as CSV with a first line `prefix,trunk,cost,when`; relative to the file that names it."""
    failover_on: tuple[str, ...] = ("5xx", "408")
    """As `trunk_group.failover_on`."""
    attempts: int = 4
    """Trunks that one call may be tried at."""


ReliableProvisionals = Literal["supported", "required", "off"]
NumberFormat = Literal["as-is", "+e164", "e164", "international", "national"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How numbers are written here, so that every one can be brought to E.164."""

    country: str = ""
    """Country code, `34`; empty: numbers are taken as they come."""
    area: str = ""
    """Area code put in front of numbers that have neither country nor area; with its own national prefix left out."""
    national_prefix: str = ""
    """What stands before the area code within the country, `0`; empty where there is none, as in Spain."""
    international_prefix: str = "00"
    """What stands before the country code; `+` always does."""
    shortest: int = 7
    """Numbers with fewer digits are extensions, services or emergency numbers and stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """What may be dialled out, and how much. Without `enabled` nothing is limited."""

    enabled: bool = False
    """Guard calls out."""
    allowed: tuple[str, ...] = ()
    """Prefixes in E.164 without `+` that may be dialled; empty is the own country (`numbers.country`) and nothing else."""
    blocked: tuple[str, ...] = ()
    """Prefixes that may not, premium numbers say; of two that match, here and in `allowed`, the longer counts."""
    max_concurrent: int = 0
    """Calls out at once of one phone or trunk; 0 is no limit, here and below."""
    calls_per_hour: int = 0
    """Calls out begun within a clock hour."""
    calls_per_day: int = 0
    """Calls out begun within a day of `general.timezone`."""
    minutes_per_hour: int = 0
    """Minutes talked within a clock hour; no further call begins then."""
    minutes_per_day: int = 0
    """Minutes talked within a day."""
    same_number_per_hour: int = 0
    """Calls to one number within a clock hour, of all phones together."""
    max_call_s: int = 0
    """Seconds after which a call out that was answered is ended, with a Reason; not those to extensions, services and
    emergency numbers (fewer digits than `numbers.shortest`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointToll:
    """What `[toll]` says, differently for one phone; keys not given are as there."""

    allowed: tuple[str, ...] | None = None
    """As `toll.allowed`."""
    blocked: tuple[str, ...] | None = None
    """As `toll.blocked`."""
    max_concurrent: int | None = None
    """As `toll.max_concurrent`."""
    calls_per_hour: int | None = None
    """As `toll.calls_per_hour`."""
    calls_per_day: int | None = None
    """As `toll.calls_per_day`."""
    minutes_per_hour: int | None = None
    """As `toll.minutes_per_hour`."""
    minutes_per_day: int | None = None
    """As `toll.minutes_per_day`."""
    max_call_s: int | None = None
    """As `toll.max_call_s`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """One step of number rewriting: where `prefix` matches, it is replaced."""

    prefix: str = ""
    """Leading characters that must match; empty always does."""
    replace: str = ""
    """What stands in their place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkRegister:
    """Registering outward at the provider."""

    server: str | tuple[str, ...] = ""
    """Registrar, `sip:HOST[:PORT][;transport=tcp]`, or a list of them, at each of which we register; empty means the
    trunk's host."""
    aor: str = ""
    """Address of record, `sip:USER@DOMAIN`; empty makes it of the auth user and the server."""
    expires_s: int = 600
    """Registration time asked for; refreshed at half of what is granted."""
    retry_min_s: float = 5.0
    """First pause after a failure; it doubles with each further one."""
    retry_max_s: float = 300.0
    """Longest pause between tries."""

    @property
    def servers(self) -> tuple[str, ...]:
        """Registrars; none means the trunk's host."""
        listed = (self.server,) if isinstance(self.server, str) else self.server
        return tuple(server for server in listed if server)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """A provider or another switch."""

    host: str
    """Where calls are sent, `sip:HOST[:PORT][;transport=tcp]`; over TLS with `transport=tls` or as `sips:HOST`."""
    tls: TrunkTls | None = None
    """How its certificate is verified, and which one we show it."""
    match: tuple[str, ...] = ()
    """Networks whose requests are this trunk's; empty means the host's own address when it is one."""
    auth: Auth | None = None
    """Credentials we answer its challenges with."""
    challenge: bool = False
    """Also ask this trunk's calls for digest credentials (those of `auth`)."""
    realm: str = ""
    """Realm of that challenge, for all that comes from the networks of `match`; empty means `sip.realm`. Phones have none
    of their own: who calls is known only when the challenge has been answered."""
    register: TrunkRegister | None = None
    """Present: register outward."""
    options_interval_s: float = 30.0
    """Pause between OPTIONS probes; 0 never probes and always counts it as up."""
    options_failures: int = 2
    """Probes that must fail in a row before the trunk is down."""
    max_channels: int = 0
    """Calls at once in both directions; 0 is no limit."""
    codecs: tuple[CodecName, ...] = ()
    """Codecs offered to it; empty means `rtp.codecs`."""
    media: tuple[MediaKind, ...] = ("audio", "video", "text", "fax")
    """Kinds of streams that it may have: audio always, and what is passed on untouched to a party that may and can have it
    too: video, text (RFC 4103), fax (T.38)."""
    srtp: SrtpPolicy = "off"
    """SRTP with keys in SDP (RFC 4568). `required`: calls without are refused; `optional`: we offer both in one INVITE
    and take what the peer offers; `off`: peers that insist on it are refused."""
    rewrite_in: tuple[Rewrite, ...] = ()
    """Applied to the called number of its calls; the first that matches counts."""
    rewrite_in_caller: tuple[Rewrite, ...] = ()
    """Applied to the calling number of its calls."""
    rewrite_out: tuple[Rewrite, ...] = ()
    """Applied to the number dialled at it."""
    caller_number: str = ""
    """Number shown on calls out through it, where the calling phone has none of its own; empty shows the caller's."""
    language: Language | None = None
    """Language of prompts for its callers."""
    trusted: bool = False
    """Believe its P-Asserted-Identity (RFC 3325) or Remote-Party-ID, its History-Info (RFC 7044) and Diversion (RFC 5806),
    and send it ours."""
    transfers: bool = False
    """Its REFERs are obeyed: it may put our side of a call through to whatever its own calls may reach. Never where an
    agent serves its caller."""
    outbound_proxy: str = ""
    """Where all requests to it are sent instead of to `host`, `sip:HOST[:PORT]`, with a Route (RFC 3261 section 8.1.2)."""
    max_calls_per_s: float = 0.0
    """Calls begun at it within a second; more go to the next trunk or are refused. 0 is no limit."""
    number_format: NumberFormat = "as-is"
    """How numbers are written to it, before `rewrite_out`: `+e164` `+34911…`, `e164` `34911…`, `international` `0034911…`,
    `national` `911…` within the country. Needs `numbers.country`."""
    numbers: Numbers | None = None
    """How numbers of its calls are written, where it differs from `[numbers]`."""
    caller_id: Literal["from", "pai", "ppi", "rpid", "diversion"] = "from"
    """Where the caller's number is told beside From: P-Asserted-Identity, P-Preferred-Identity (RFC 3325) or
    Remote-Party-ID. `trusted` tells P-Asserted-Identity in any case. `diversion`: a caller from outside who is sent on
    through this trunk keeps his number in From, and Diversion (RFC 5806) tells who forwards him: `caller_number`, or the
    number that he called."""
    refer: bool = False
    """A blind transfer of its caller to a number that leads out through it again is handed over by REFER: the call leaves
    this switch. Where it refuses, the caller is given back."""
    session_timer: Literal["on", "off"] = "on"
    """`off`: its calls get no session timer (RFC 4028), whoever asks for one."""
    reliable_provisionals: ReliableProvisionals = "supported"
    """Provisional responses that arrive for certain, by PRACK (RFC 3262, `100rel`). `supported`: wherever both can;
    `required`: our calls require them, and its calls that know none get 421; `off`: as if we knew none, and its calls that
    require them get 420."""
    user_phone: bool = False
    """Mark numbers in addresses with `user=phone` (RFC 3261 section 19.1.1)."""
    headers_add: Mapping[str, str] = field(default_factory=dict)
    """Headers put on every call to it, `{ "X-Customer" = "4711" }`."""
    headers_pass: tuple[str, ...] = ("Identity",)
    """Headers of the calling party's INVITE that are passed on untouched; `Identity` is a STIR/SHAKEN signature."""
    early_media: Literal["pass", "ringback"] = "pass"
    """What callers hear before it answers: what it sends, or only that it rings."""
    redirects: Literal["refuse", "trunk"] = "refuse"
    """What a 3xx of it does: end the attempt, or call the number of the first Contact at this same trunk, once."""
