"""Every key of the configuration file, its type, default and meaning; `docs/configuration.md` is made from this file.

The docstring under each field is what the reference prints. Names carry their unit. Where a key has the same meaning
as one of Asterisk's `queues.conf`, it has the same name. Longer than other files, because it is one list of keys that is
read as a whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from softswitch.config.callback import Callback
from softswitch.config.feeds import Ami, Events, Webhook
from softswitch.config.flow import Flow
from softswitch.config.matching import Cause, Matching, PauseReason, Step, StrategyName, Surge
from softswitch.config.security import Security
from softswitch.config.subscriptions import Subscriptions
from softswitch.config.teams import Team
from softswitch.config.tracing import Capture, Trace
from softswitch.config.transports import TrunkTls
from softswitch.config.trunks import EndpointToll, Lcr, NumberFormat, Numbers, Toll, TrunkGroup

Language = Literal["en", "es", "ro"]
CodecName = Literal["PCMU", "PCMA", "G722", "opus", "L16", "G729"]
SrtpPolicy = Literal["off", "optional", "required"]
MediaKind = Literal["audio", "video", "text", "fax"]
SuiteName = Literal[
    "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"
]
RecordWhen = Literal["always", "never", "on-demand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class General:
    node: str = "sw1"
    """Name of this switch in ids, logs and metrics."""
    state_dir: str = "/var/lib/softswitch"
    """Folder of the database, recordings and messages, unless those say otherwise."""
    database: str = ""
    """SQLAlchemy-style address; empty means `sqlite:///{state_dir}/softswitch.db`."""
    control_socket: str = ""
    """Unix socket of the command line; empty means `{state_dir}/control.sock`. Only its owner may open it."""
    queue_log: str = ""
    """File in the format of Asterisk's queue_log; empty means `{state_dir}/queue_log`, `off` writes none."""
    queue_log_logins: Literal["agent", "callback"] = "agent"
    """How it tells that agents log in and out: AGENTLOGIN and AGENTLOGOFF, or AGENTCALLBACKLOGIN and AGENTCALLBACKLOGOFF
    for reporting tools that know agents with phones by these."""
    language: Language = "en"
    """Language of prompts where neither route nor flow says another."""
    timezone: str = "UTC"
    """Zone of the per-day folders of recordings, of the days and hours by which reports are cut, and of calendars that
    name none. The command line reads and prints times in the zone of the machine it runs on (`TZ`)."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    log_format: Literal["console", "json"] = "console"
    """`console` for people, `json` for machines; always to standard error."""
    max_calls: int = 2000
    """Calls at once; more are refused with 503 and Retry-After."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtp:
    address: str = "0.0.0.0"
    """Address that media sockets bind to; `0.0.0.0` binds to all and advertises the address SIP came in on."""
    ports: str = "10000-20000"
    """Range of UDP ports for media, `FIRST-LAST`; RTP takes the even ones, RTCP the odd ones."""
    workers: int = 0
    """Media worker processes; 0 means one for each core but one, at least one."""
    engine: Literal["auto", "io_uring", "sockets"] = "auto"
    """How media workers reach the kernel: `auto` takes io_uring where the kernel and the container allow it and plain
    sockets elsewhere; with `io_uring` a worker does not start without it."""
    nice: int = -10
    """Priority of the media workers, as `nice` has it, where the system lets them have it: audio does not wait for what
    else the machine does. 0 leaves it as it is."""
    codecs: tuple[CodecName, ...] = ("PCMA", "PCMU")
    """Codecs offered and accepted, best first. A call's second leg is offered the codec of its first before all others,
    so that nothing has to be translated. `G722`, `opus` and `G729` need the package `av`; `G729` is never made here: it
    is used between two parties that both have it, and only while the caller was not answered yet."""
    comfort_noise: bool = False
    """Offer and accept comfort noise (RFC 3389): peers may then send nothing while their user is silent."""
    rtcp_mux: bool = False
    """Offer RTCP on the port of RTP (RFC 5761). A peer that offers it gets it in any case."""
    srtp_suites: tuple[SuiteName, ...] = (
        "AES_CM_128_HMAC_SHA1_80",
        "AES_CM_128_HMAC_SHA1_32",
        "AEAD_AES_128_GCM",
        "AEAD_AES_256_GCM",
    )
    """Suites of SRTP that are offered, best first, and accepted, where `srtp` of a phone or trunk is not `off`."""
    quiet_s: float = 5.0
    """How long a released port stays unused."""
    latch: Literal["never", "nat", "always"] = "nat"
    """Symmetric RTP: send to where the peer's packets come from. `nat` does so when the peer's signalling showed NAT,
    `always` for every leg; after at most five packets the address is locked. `never` trusts SDP alone."""
    inband_dtmf: bool = True
    """Detect tones in the audio of legs that did not negotiate telephone-event."""
    timeout_s: float = 60.0
    """A bridged leg without a single packet for so long ends the call; 0 never does. Held legs are exempt."""
    linger_s: float = 30.0
    """How long media workers with calls go on, relaying and recording, when the switch itself has died; one that is started
    again within this time finds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """When the audio of a call is bad enough for an alarm."""

    no_packets_s: float = 2.0
    """A bridged leg that sends nothing for so long cannot be heard; 0 never says so."""
    silence_s: float = 2.5
    """So long of pure silence from a leg that has never sent anything else; 0 never says so."""
    fell_silent_s: float = 30.0
    """The same for a leg that was heard before, while the other side talks; 0 never says so."""
    loss_percent: float = 5.0
    """Packets lost or too late, over the last 2.5 s; 0 never says so."""
    jitter_ms: float = 50.0
    """Jitter of RFC 3550; 0 never says so."""
    reordered_percent: float = 10.0
    """Packets out of order, over the last 2.5 s; 0 never says so."""
    mos: float = 3.1
    """Estimate of the E-model (ITU-T G.107) below which a leg is bad; 0 never says so."""
    conceals: bool = True
    """The estimate takes phones to hide lost packets of G.711, as nearly all do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    user: str = ""
    """Digest user name; empty means the name of the endpoint or trunk."""
    secret: str = ""
    """The password itself; better use `secret_file`."""
    secret_file: str = ""
    """File whose first line is the password; relative to the file that names it."""
    ha1_md5: str = ""
    """MD5 of `user:realm:password` in hex, instead of the password."""
    ha1_sha256: str = ""
    """SHA-256 of `user:realm:password` in hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A phone. Its name is its extension, and the user part of its address of record."""

    auth: Auth | None = None
    """Digest credentials for registering and calling."""
    contact: str = ""
    """Fixed SIP address of a phone that does not register, `sip:1001@192.0.2.7:5060`."""
    match: tuple[str, ...] = ()
    """Networks whose requests are this phone's without digest; only for phones with a fixed `contact`."""
    display_name: str = ""
    """Name shown to those it calls."""
    caller_number: str = ""
    """Number shown to trunks; empty shows that of the trunk, or the endpoint's name when it has none either."""
    language: Language | None = None
    """Language of prompts played to it."""
    codecs: tuple[CodecName, ...] = ()
    """Codecs offered to it, best first; empty means `rtp.codecs`."""
    media: tuple[MediaKind, ...] = ("audio", "video", "text", "fax")
    """Kinds of streams that it may have: audio always, and what is passed on untouched to a party that may and can have it
    too: video, text (RFC 4103), fax (T.38)."""
    srtp: SrtpPolicy = "off"
    """SRTP with keys in SDP (RFC 4568). `required`: calls without are refused; `optional`: we offer both in one INVITE
    and take what the peer offers; `off`: peers that insist on it are refused."""
    record: RecordWhen = "never"
    """Recording of its calls outside queues."""
    max_calls: int = 2
    """Calls at once, over all its contacts."""
    pickup_groups: tuple[str, ...] = ()
    """Groups whose phones may answer each other's ringing calls; names of your choice. Empty: nobody may."""
    supervises: tuple[str, ...] = ()
    """Queues whose calls and agents may be listened to from this phone; `["*"]` is everybody. Empty: nobody."""
    toll: EndpointToll | None = None
    """What it may dial out, where that differs from `[toll]`."""
    watches: tuple[str, ...] = ()
    """What this phone may subscribe to beside itself and its mailbox: numbers of phones, `queue-NAME`, `agent-NAME`,
    `park-PLACE`, `box-NAME`, each with `*` and `?` as wild cards; `["*"]` is everything."""
    watches_parties: tuple[str, ...] = ()
    """Of that, where it is also shown who the other side of a call is (a lamp needs it to pick a call up), and where phones
    are registered."""
    direct_media: bool = False
    """Calls between two phones that both say so are proxied: their media, and the features of their calls, are theirs
    alone. Never where one of them is recorded, hides its caller, or encrypts in another way than the other."""
    mailbox: str = ""
    """Message box whose new messages light this phone's message lamp."""
    session_timer: Literal["on", "off"] = "on"
    """`off`: its calls get no session timer (RFC 4028), whoever asks for one."""
    mwi_unsolicited: bool = False
    """Tell it of its messages without being asked to, for phones that do not subscribe (RFC 3842 section 4.1)."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    endpoint: str
    """The phone he is called on."""
    name: str = ""
    """Shown on boards and in reports; empty means the agent's id."""
    skills: Mapping[str, int] = field(default_factory=dict)
    """Skill to level, 1 (some) to 5 (expert)."""
    login: Literal["keep", "on-start"] = "keep"
    """`on-start` logs him in when the switch starts; `keep` restores what he was."""
    record: RecordWhen | None = None
    """Overrides the queue's."""
    wrapuptime: float | None = None
    """Seconds of wrap-up after a call; overrides the queue's."""
    pin: str = ""
    """Digits asked for when logging in from a phone other than his own."""
    supervises: tuple[str, ...] = ()
    """Queues whose calls and agents he may listen to, from whatever phone he is logged in at; `["*"]` is everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    agent: str
    """An agent's id."""
    penalty: int = 0
    """Agents of a lower penalty are rung first, however long others are idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """How long an agent is left in peace after a failed offer, by its cause."""

    busy_s: float = 10.0
    """His phone answered busy."""
    reject_s: float = 10.0
    """He declined."""
    no_answer_s: float = 5.0
    """His phone rang out."""
    failed_s: float = 10.0
    """His phone could not be reached or answered an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    strategy: StrategyName = "longest-idle"
    """Who is rung first; `docs/queues.md` explains each. Asterisk's `leastrecent`, `rrmemory`, `rrordered`, `fewestcalls`,
    `ringall`, `wrandom` and those of FreeSWITCH are read as aliases."""
    strategy_plugin: str = ""
    """Strategy of an installed package, by the name of its entry point in the group `softswitch.strategies`; goes before
    `strategy`, which is what holds when it fails or is late."""
    progressive_s: float = 10.0
    """With `progressive`: seconds after which one more agent rings along."""
    members: tuple[Member, ...] = ()
    """Agents who serve it by name."""
    skills: Mapping[str, int] = field(default_factory=dict)
    """Skills a caller of this queue needs, with the least level. With no `members`, every agent who has them serves it."""
    preferred_skills: Mapping[str, int] = field(default_factory=dict)
    """Skills that agents need not have; those who have them at that level or more go first."""
    skilled_first: bool = True
    """Among agents of equal penalty the more skilled ones go first; false: whoever has the levels is as good as any."""
    min_penalty: int = 0
    """Members of a lower penalty are not rung."""
    max_penalty: int | None = None
    """Members of a higher penalty are not rung; `steps` can lift it."""
    steps: tuple[Step, ...] = ()
    """How the demands on agents are relaxed the longer a caller waits, in the order of `after`."""
    surge: Surge | None = None
    """A second group that serves while many wait."""
    sticky_s: float = 0.0
    """Seconds that a caller waits for the agent who served his number last in this queue, if that one is at work; 0 asks
    for nobody."""
    sticky_within_h: float = 168.0
    """Hours for which the agent who served a number is remembered."""
    timeout: float = 15.0
    """Seconds that one agent's phone rings."""
    wrapuptime: float = 10.0
    """Seconds of wrap-up after a call."""
    weight: int = 0
    """Added to the priority of its callers when several queues compete for an agent."""
    maxlen: int = 0
    """Callers waiting at once; 0 is no limit."""
    max_wait: float = 0.0
    """Seconds until `on_timeout`; 0 is no limit. An agent who is being rung then is that caller's last chance."""
    joinempty: str = "yes"
    """May a caller join: `yes` always, `logged-in` when an agent who may serve him is logged in, `no` when one is also
    neither paused nor unreachable; or the states in which an agent does not count, `"paused,unavailable,inuse,ringing,
    wrapup"`."""
    leavewhenempty: bool | str = False
    """Waiting callers leave to `on_empty` when no agent who may serve them is logged in; or, as with `joinempty`, when all
    are in one of the states named."""
    on_timeout: str = "hangup"
    """Target after `max_wait`."""
    on_full: str = "hangup:busy"
    """Target when `maxlen` is reached."""
    on_empty: str = "hangup"
    """Target when joining is refused or the queue ran empty of agents."""
    servicelevel: float = 20.0
    """Seconds of the service level."""
    short_abandon_s: float = 0.0
    """Callers who hang up sooner are short abandons in reports; 0: nobody is."""
    music: str = "music"
    """Prompt played while waiting, over and over."""
    announce_position: bool = True
    """Tell the position in the queue."""
    announce_holdtime: bool = True
    """Tell the expected wait."""
    announce_frequency: float = 30.0
    """Seconds between announcements; 0 makes none."""
    announce_first_s: float = 3.0
    """Seconds until the first announcement."""
    periodic_announce: str = ""
    """Prompt added to each announcement."""
    callback: Callback | None = None
    """Callers may hang up and be called back when their turn comes; `docs/queues.md` says how."""
    resume_s: float = 0.0
    """Seconds for which the place of a caller who hung up waiting, or was cut off, is kept for his next call; 0: never."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Key to target: what a waiting caller may press to leave, `{ "1" = "message:sales" }`."""
    agent_announce: str = ""
    """Prompt that the agent hears before the caller is put through."""
    record: RecordWhen = "always"
    """Recording of its calls."""
    keep_days: float | None = None
    """Days after which recordings of its calls are deleted, 0 never; without it `recording.keep_days` counts."""
    autopause: int = 0
    """Offers in a row that failed for a cause of `autopause_on`, after which an agent is paused; 0 never."""
    autopause_on: tuple[Cause, ...] = ("no answer",)
    """Causes that count; a phone that was not rung at all never does, unless `unreachable` is named."""
    autopause_release_s: float = 0.0
    """Seconds after which such a pause ends by itself; 0: when he takes calls again."""
    delays: Delays = field(default_factory=Delays)
    """Peace after a failed offer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holidays:
    country: str
    """ISO 3166 code, `ES`."""
    subdiv: str = ""
    """Subdivision code, `MD`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    timezone: str = ""
    """Zone of the hours; empty means `general.timezone`."""
    hours: Mapping[str, str] = field(default_factory=dict)
    """Days to hours: `{ "mon-fri" = "09:00-14:00,16:00-19:00", "sat" = "10:00-13:00" }`. A span may end past midnight
    (`22:00-06:00`); days not named are closed; without any hours it is open around the clock, holidays excepted."""
    holidays: Holidays | None = None
    """Public holidays on which it is closed."""
    closed: tuple[str, ...] = ()
    """Further days closed, `2026-12-24`."""
    open: Mapping[str, str] = field(default_factory=dict)
    """Days with hours of their own, stronger than all else: `{ "2026-12-31" = "09:00-12:00" }`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What happens to a called number. The key is the number, or an Asterisk pattern that starts with `_`."""

    to: str
    """Target."""
    source: tuple[str, ...] = ()
    """Who may use it: `trunk:NAME`, `trunk:*`, `endpoint:NAME`, `endpoint:*`; empty: any trunk and any endpoint."""
    when: str = ""
    """Calendar that must be open; else `otherwise` counts."""
    otherwise: str = "hangup"
    """Target outside the hours of `when`."""
    ani: tuple[str, ...] = ()
    """Calling numbers or patterns for which this route holds; a route with them goes before one without."""
    strip: int = 0
    """Digits taken off the front of the number before it is dialled at a trunk."""
    prepend: str = ""
    """Digits put in front of it then."""
    language: Language | None = None
    """Language of prompts."""
    priority: int = 0
    """Priority of these callers in queues, higher first."""
    direct_media: bool = False
    """Calls of phones to this number are proxied to the phone it leads to, as if both had `direct_media`."""
    messages: bool = False
    """MESSAGEs to this number go where its calls go: to a phone, or out at a trunk. Those to a phone's own extension go
    from every phone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    unknown_prompt: str = ""
    """Prompt played (as early media) to a caller of an unknown number before the 404; empty plays none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    directory: str = ""
    """Folder of recordings; empty means `{state_dir}/recordings`."""
    template: str = "{day}/{recording}"
    """Name of a file below it, without `.wav`: `{day}` `{hour}` `{recording}` `{call}` `{queue}` `{agent}`."""
    encoding: Literal["auto", "PCMU", "PCMA", "PCM16"] = "auto"
    """`auto` keeps the G.711 law of the caller as received."""
    min_free_mb: int = 200
    """Below this much free space what has expired is deleted early, no recording begins and an alarm is raised; below half
    of it those that run end too. Calls go on."""
    tracks: Literal["stereo", "party"] = "stereo"
    """`stereo`: the caller left, whoever serves right. `party`: a track for each party, `party_tracks` in all."""
    party_tracks: int = 4
    """Tracks of such a file, 3 to 8: caller, agent, each further party; who comes beyond shares the last."""
    keep_before_s: float = 0.0
    """Where recording is `on-demand`: seconds before the key that the recording begins with, at most 120."""
    convert: Literal["", "flac", "opus"] = ""
    """Format into which finished recordings are converted in the background; empty leaves them as WAV."""
    convert_after_s: float = 60.0
    """How long after its end."""
    keep_days: float = 0.0
    """Days after which a recording is deleted; 0 never."""
    keep_gb: float = 0.0
    """All recordings together; the oldest are deleted when they take more. 0: no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A box in which callers leave messages."""

    max_s: float = 180.0
    """Longest message."""
    prompt: str = "leave-message"
    """Said before the beep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    directory: str = ""
    """Folder with files of yours, `LANGUAGE/NAME.*` in any format that libsndfile reads; they go before those shipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """What phones can dial or press. Empty switches a code off."""

    login: str = "*11"
    """Dialled: the agent of this phone logs in; followed by an agent id and his PIN, that agent does, on this phone."""
    logout: str = "*12"
    """Dialled: logs out."""
    pause: str = "*13"
    """Dialled: pauses; digits after it are the number of a reason in `pause_reasons`."""
    resume: str = "*14"
    """Dialled: takes calls again, also ends wrap-up."""
    record: str = "*1"
    """Pressed while talking: starts or pauses recording, where it is `on-demand`."""
    mask: str = "*2"
    """Pressed by an agent while talking: the recording is silent until it is pressed again, for card data."""
    supervise: str = "*15"
    """Dialled, followed by an agent's id: listens to that agent, where this phone may (`supervises`)."""
    transfer: str = "*3"
    """Pressed while talking, then a number and `#`: the far side is put through to that number."""
    consult: str = "*4"
    """The same, but the far side hears music while one talks to that number; hanging up puts them through."""
    back: str = "*5"
    """Pressed while consulting: back to the far side, the other is hung up."""
    three_way: str = "*6"
    """Pressed while consulting: all three talk; who hangs up leaves the others together."""
    pickup: str = "*8"
    """Dialled: answers what rings at a phone of the same `pickup_groups`; an extension after it says which."""
    park: str = "*7"
    """Pressed while talking: the far side is parked, and the phone is told the place. Dialled, followed by a place: takes
    whoever is parked there."""
    pause_reasons: tuple[str, ...] = ("break", "lunch", "training", "back office")
    """Reasons 1, 2, 3 …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """How supervisors join; who may is said by `supervises` of phones and agents."""

    tone: bool = False
    """Beep to the agent when a supervisor joins, and as long as he stays."""
    tone_interval_s: float = 15.0
    """Seconds between these beeps; 0 beeps only at the beginning."""
    follow: bool = True
    """A supervisor of an agent stays for that agent's next calls, unless he was asked for otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parking:
    """Places for parked calls; `features.park` leads there and back."""

    places: int = 20
    """How many there are, from 1 on; 0 parks nobody."""
    timeout_s: float = 60.0
    """After so long the caller rings at the phone that parked him."""
    music: str = "music"
    """Prompt played over and over to who is parked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conference:
    """A room in which callers talk to each other; the target `conference:NAME` leads there."""

    pin: str = ""
    """Digits that a caller is asked for; empty lets everybody in."""
    admin_pin: str = ""
    """Digits, instead of `pin`, of those who may lock the room by key; nobody has to be one."""
    max_members: int = 30
    """Members at once; more are told that it is full."""
    record: Literal["always", "never"] = "never"
    """Recording of the whole conference: a track for each of the first members at once, eight at most."""
    announce: bool = True
    """A tone to all when somebody joins or leaves."""
    music: str = "music"
    """Prompt played over and over to a member who is alone; empty is silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    general: General = field(default_factory=General)
    sip: Sip = field(default_factory=Sip)
    security: Security = field(default_factory=Security)
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    rtp: Rtp = field(default_factory=Rtp)
    quality: Quality = field(default_factory=Quality)
    recording: Recording = field(default_factory=Recording)
    prompts: Prompts = field(default_factory=Prompts)
    routing: Routing = field(default_factory=Routing)
    features: Features = field(default_factory=Features)
    supervision: Supervision = field(default_factory=Supervision)
    parking: Parking = field(default_factory=Parking)
    trace: Trace = field(default_factory=Trace)
    capture: Capture = field(default_factory=Capture)
    events: Events = field(default_factory=Events)
    webhook: Mapping[str, Webhook] = field(default_factory=dict)
    ami: Ami = field(default_factory=Ami)
    endpoint: Mapping[str, Endpoint] = field(default_factory=dict)
    trunk: Mapping[str, Trunk] = field(default_factory=dict)
    trunk_group: Mapping[str, TrunkGroup] = field(default_factory=dict)
    lcr: Mapping[str, Lcr] = field(default_factory=dict)
    numbers: Numbers = field(default_factory=Numbers)
    toll: Toll = field(default_factory=Toll)
    matching: Matching = field(default_factory=Matching)
    pause_reason: Mapping[str, PauseReason] = field(default_factory=dict)
    agent: Mapping[str, Agent] = field(default_factory=dict)
    team: Mapping[str, Team] = field(default_factory=dict)
    queue: Mapping[str, Queue] = field(default_factory=dict)
    calendar: Mapping[str, Calendar] = field(default_factory=dict)
    flow: Mapping[str, Flow] = field(default_factory=dict)
    route: Mapping[str, Route] = field(default_factory=dict)
    message: Mapping[str, Message] = field(default_factory=dict)
    conference: Mapping[str, Conference] = field(default_factory=dict)
