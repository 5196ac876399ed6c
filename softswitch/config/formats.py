"""Values that fit their type but not their meaning: addresses, networks, hours, patterns, ranges, names.

Looks at one value at a time; what one part says of another is for `crosscheck.py`.
"""

import ipaddress
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from softswitch.config.absence import absent_when
from softswitch.config.feeds import listen_on, loopback, topic_pattern, web_address
from softswitch.config.problem import Finding, Path, nearest
from softswitch.config.rights import act_pattern, token_digest
from softswitch.config.routes import Calendar
from softswitch.config.schema import Config
from softswitch.config.shape import visit
from softswitch.config.target import Target
from softswitch.config.tracing import homer_address
from softswitch.config.transport_checks import listen_address, origin
from softswitch.config.trunk_formats import digits, failover_cause, header_name, header_value, name_server
from softswitch.hours import CalendarError, CalendarHours
from softswitch.patterns import Pattern

_NAMED = (
    "endpoint",
    "trunk",
    "trunk_group",
    "lcr",
    "agent",
    "team",
    "role",
    "person",
    "queue",
    "calendar",
    "flow",
    "lookup",
    "recogniser",
    "survey",
    "message",
    "conference",
    "webhook",
)
_NAME = re.compile(r"[A-Za-z0-9_.+*#-]{1,64}")
_SIP = re.compile(
    r"sips?:(?:[^@\s;<>\"]+@)?(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?(?:;[^\s<>\"]*)?"
)
_PORTS = re.compile(r"(?P<first>[0-9]{1,5})-(?P<last>[0-9]{1,5})")
_CODE = re.compile(r"[0-9*#]{1,10}")
_SOURCE = re.compile(r"(?:trunk|endpoint):[^\s:]+")
_TEMPLATE_WORDS = {"day", "hour", "recording", "call", "queue", "agent"}
_MAY_BE_NEGATIVE = {"weight", "priority", "nice", "seed"}
_AT_LEAST_ONE = {
    "max_calls": ("general", "endpoint"),
    "max_contacts": ("sip",),
    "rate": ("security",),
    "network_rate": ("security",),
    "strangers_rate": ("security",),
    "known_rate": ("security",),
    "ban_after": ("security",),
    "ban_window_s": ("security",),
    "ban_s": ("security",),
    "ban_growth": ("security",),
    "ban_max_s": ("security",),
    "default_expires_s": ("subscriptions",),
    "max_expires_s": ("subscriptions",),
    "per_second": ("subscriptions",),
    "t1_ms": ("sip",),
    "t2_ms": ("sip",),
    "t4_ms": ("sip",),
    "nonce_lifetime_s": ("sip",),
    "min_se_s": ("sip",),
    "min_expires_s": ("sip",),
    "timeout": ("queue",),
    "max_s": ("message",),
    "max_members": ("conference",),
    "parallel": ("webhook",),
    "options_failures": ("trunk",),
    "attempts": ("trunk_group", "lcr"),
    "waiting": ("queue",),
    "plugin_budget_us": ("matching",),
    "plugin_limit_ms": ("matching",),
    "shortest": ("numbers",),
    "expires_s": ("trunk",),
}
MIN_PORTS = 4


def port_range(text: str) -> tuple[int, int]:
    """First and last port of `FIRST-LAST`; raises ValueError that says what was expected."""
    match = _PORTS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no range; expected FIRST-LAST, as 10000-20000")
    first, last = int(match["first"]), int(match["last"])
    if not 1024 <= first <= last <= 65535:
        raise ValueError(f"{text!r}: ports lie between 1024 and 65535, the first before the last")
    if last - first + 1 < MIN_PORTS:
        raise ValueError(f"{text!r} has fewer than {MIN_PORTS} ports; a call of two legs takes four")
    return first, last


def check_formats(config: Config) -> list[Finding]:
    findings: list[Finding] = []

    def seen(path: Path, kind: Any, value: Any) -> None:
        findings.extend(_leaf(path, value))

    visit(Config, config, seen)
    findings += _names(config)
    findings += _template(config.recording.template)
    for name, calendar in config.calendar.items():
        findings += _calendar(("calendar", name), calendar, config.general.timezone)
    return findings


def _leaf(path: Path, value: Any) -> Iterator[Finding]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(path, value)
    elif isinstance(value, str):
        check = _CHECKS.get(_general(path))
        if check is not None and (value or path[0] in ("rtp", "route")):
            try:
                check(value)
            except ValueError as error:
                yield Finding(path=path, message=str(error))


def _general(path: Path) -> tuple[str, ...]:
    """A path with names of tables and places in lists replaced by `*`."""
    parts = ["*" if isinstance(part, int) else part for part in path]
    if len(parts) > 2 and parts[0] not in (
        "general",
        "sip",
        "security",
        "subscriptions",
        "rtp",
        "recording",
        "prompts",
        "routing",
        "features",
        "supervision",
        "trace",
        "capture",
        "numbers",
        "toll",
        "matching",
        "events",
        "ami",
    ):
        parts[1] = "*"
    if len(parts) > 3 and parts[2] in ("keys", "skills", "hours", "open", "headers_add"):
        parts[3] = "*"
    return tuple(parts)


def _number(path: Path, value: float) -> Iterator[Finding]:
    key = str(path[-1])
    if not math.isfinite(value):
        yield Finding(path=path, message=f"{value} is no length or count")
    elif value < 0 and key not in _MAY_BE_NEGATIVE:
        yield Finding(path=path, message=f"{value:g} is below zero")
    elif path[0] == "queue" and path[2:3] == ("steps",) and path[4:5] == ("skills",):
        if value > 5:
            yield Finding(
                path=path, message=f"{value:g} is no level", expected="0 (not needed) to 5 (expert)"
            )
    elif set(path[2:-1]) & {"skills", "preferred_skills", "also"} and not 1 <= value <= 5:
        yield Finding(path=path, message=f"{value:g} is no level", expected="1 (some) to 5 (expert)")
    elif value < 1 and path[0] in _AT_LEAST_ONE.get(key, ()):
        yield Finding(path=path, message=f"{value:g} is too little", expected="at least 1")


def _ip_address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address") from None


def _network(text: str) -> None:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        meant = ""
        if "/" in text:
            try:
                meant = f"; the network is {ipaddress.ip_network(text, strict=False)}"
            except ValueError:
                pass
        raise ValueError(f"{text!r} is no network; expected 192.0.2.0/24 or one address{meant}") from None


def _sip_address(text: str) -> None:
    if not _SIP.fullmatch(text):
        raise ValueError(f"{text!r} is no SIP address; expected sip:HOST or sip:USER@HOST:PORT;transport=tcp")


def _timezone(text: str) -> None:
    try:
        ZoneInfo(text)
    except (ValueError, KeyError, OSError):
        meant = nearest(text, available_timezones())
        raise ValueError(
            f"{text!r} is no time zone" + (f"; did you mean {meant!r}?" if meant else "")
        ) from None


def _code(text: str) -> None:
    if not _CODE.fullmatch(text):
        raise ValueError(f"{text!r} cannot be dialled; expected digits, * and #")


def _source(text: str) -> None:
    if not _SOURCE.fullmatch(text):
        raise ValueError(f"{text!r} is no source; expected trunk:NAME, trunk:*, endpoint:NAME or endpoint:*")


def _signature(text: str) -> None:
    header, colon, wanted = text.partition(":")
    if not colon or not header.strip() or not wanted.strip():
        raise ValueError(f"{text!r} tells no scanner; expected HEADER: TEXT, as User-Agent: friendly-scanner")


def _database(text: str) -> None:
    if not text.startswith("sqlite:///") or len(text) == len("sqlite:///"):
        raise ValueError(f"{text!r} cannot be used; expected sqlite:///PATH")


_CHECKS: Mapping[tuple[str, ...], Callable[[str], object]] = {
    ("general", "timezone"): _timezone,
    ("general", "database"): _database,
    ("sip", "listen", "*"): listen_address,
    ("sip", "ws_origins", "*"): origin,
    ("sip", "external_address"): _ip_address,
    ("sip", "local_nets", "*"): _network,
    ("sip", "name_servers", "*"): name_server,
    ("security", "trusted", "*"): _network,
    ("security", "contact_networks", "*"): _network,
    ("security", "scanners", "*"): _signature,
    ("rtp", "address"): _ip_address,
    ("rtp", "ports"): port_range,
    ("endpoint", "*", "contact"): _sip_address,
    ("endpoint", "*", "match", "*"): _network,
    ("trunk", "*", "host"): _sip_address,
    ("trunk", "*", "match", "*"): _network,
    ("trunk", "*", "register", "server"): _sip_address,
    ("trunk", "*", "register", "server", "*"): _sip_address,
    ("trunk", "*", "outbound_proxy"): _sip_address,
    ("trunk", "*", "headers_pass", "*"): header_name,
    ("trunk", "*", "headers_add", "*"): header_value,
    ("trunk", "*", "numbers", "country"): digits,
    ("trunk", "*", "numbers", "area"): digits,
    ("trunk_group", "*", "failover_on", "*"): failover_cause,
    ("lcr", "*", "failover_on", "*"): failover_cause,
    ("lcr", "*", "rates", "*", "prefix"): digits,
    ("numbers", "country"): digits,
    ("numbers", "area"): digits,
    ("toll", "allowed", "*"): digits,
    ("toll", "blocked", "*"): digits,
    ("endpoint", "*", "toll", "allowed", "*"): digits,
    ("endpoint", "*", "toll", "blocked", "*"): digits,
    ("trunk", "*", "register", "aor"): _sip_address,
    ("capture", "homer", "address"): homer_address,
    ("events", "listen"): listen_on,
    ("ami", "listen"): loopback,
    ("webhook", "*", "url"): web_address,
    ("webhook", "*", "topics", "*"): topic_pattern,
    ("agent", "*", "pin"): _code,
    ("person", "*", "pin"): digits,
    ("person", "*", "token_sha256"): token_digest,
    ("role", "*", "may", "*"): act_pattern,
    ("queue", "*", "joinempty"): lambda text: absent_when(text, joining=True),
    ("queue", "*", "leavewhenempty"): lambda text: absent_when(text, joining=False),
    ("queue", "*", "on_timeout"): Target.parse,
    ("queue", "*", "on_full"): Target.parse,
    ("queue", "*", "on_empty"): Target.parse,
    ("queue", "*", "keys", "*"): Target.parse,
    ("calendar", "*", "timezone"): _timezone,
    ("routing", "flow_headers", "*"): header_name,
    ("route", "*", "to"): Target.parse,
    ("route", "*", "otherwise"): Target.parse,
    ("route", "*", "source", "*"): _source,
    ("route", "*", "ani", "*"): Pattern.parse,
    ("features", "login"): _code,
    ("features", "logout"): _code,
    ("features", "pause"): _code,
    ("features", "resume"): _code,
    ("features", "record"): _code,
    ("features", "supervise"): _code,
    ("features", "transfer"): _code,
    ("features", "consult"): _code,
    ("features", "back"): _code,
    ("features", "three_way"): _code,
    ("features", "agent_login"): _code,
    ("features", "agent_logout"): _code,
    ("features", "agent_pause"): _code,
    ("features", "agent_resume"): _code,
    ("features", "pull"): _code,
    ("features", "voicemail"): _code,
    ("features", "move"): _code,
    ("conference", "*", "pin"): _code,
    ("conference", "*", "admin_pin"): _code,
}


def _names(config: Config) -> Iterator[Finding]:
    for section in _NAMED:
        for name in getattr(config, section):
            if not _NAME.fullmatch(name):
                message = f"{name!r} is no name"
                yield Finding(
                    path=(section, name), message=message, expected="letters, digits and _ . + * # -"
                )
    for name in config.route:
        try:
            Pattern.parse(name)
        except ValueError as error:
            yield Finding(path=("route", name), message=str(error))
    for name, queue in config.queue.items():
        for key in queue.keys:
            if len(key) != 1 or key not in "0123456789*#ABCD":
                yield Finding(path=("queue", name, "keys", key), message=f"{key!r} is no key of a phone")
    if not config.sip.listen:
        yield Finding(path=("sip", "listen"), message="is empty", expected="at least one address")
    if not config.sip.min_expires_s <= config.sip.default_expires_s <= config.sip.max_expires_s:
        message = "does not lie between min_expires_s and max_expires_s"
        yield Finding(path=("sip", "default_expires_s"), message=message)
    if 0 < config.sip.session_expires_s < config.sip.min_se_s:
        yield Finding(
            path=("sip", "session_expires_s"), message="is less than min_se_s", expected="0, or as much"
        )
    granted = config.subscriptions
    if not granted.min_expires_s <= granted.default_expires_s <= granted.max_expires_s:
        message = "does not lie between min_expires_s and max_expires_s"
        yield Finding(path=("subscriptions", "default_expires_s"), message=message)


def _template(text: str) -> Iterator[Finding]:
    path = ("recording", "template")
    words = re.findall(r"\{([^{}]*)\}", text)
    for word in words:
        if word not in _TEMPLATE_WORDS:
            expected = ", ".join(f"{{{known}}}" for known in sorted(_TEMPLATE_WORDS))
            meant = nearest(word, _TEMPLATE_WORDS)
            yield Finding(
                path=path,
                message=f"{{{word}}} is not known",
                expected=expected,
                did_you_mean=f"{{{meant}}}" if meant else "",
            )
    if "recording" not in words:
        yield Finding(path=path, message="lacks {recording}, so that files would overwrite each other")
    if text.startswith("/") or ".." in text.split("/"):
        yield Finding(path=path, message="must stay below the folder of recordings")


def _calendar(path: Path, calendar: Calendar, timezone: str) -> Iterator[Finding]:
    try:
        CalendarHours.parse(calendar, timezone)
    except CalendarError as error:
        for key, message in error.problems:
            if key != "timezone":
                yield Finding(path=(*path, *_key_path(key)), message=message)


def _key_path(key: str) -> Path:
    """`open.2026-12-24`, `days.3.date`."""
    return tuple(int(part) if part.isdecimal() else part for part in key.split("."))
