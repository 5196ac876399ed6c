"""The figures of reports by name, each with its unit and the formula that it is computed by; what is published.

No two products agree on a service level, so four are given by name, and every report prints the formulas of its columns.
`VERSION` counts changes of meaning: sums kept under another version, or under other settings, are computed again from the
rows. A ratio without a denominator is None, never 0.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

VERSION: Final = 1
"""Raise it whenever a formula of kept sums changes."""

Unit = Literal["text", "count", "seconds", "share", "moment", "number"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    name: str
    title: str
    unit: Unit
    formula: str = ""
    """Empty: the name says it all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decides of the definitions."""

    service_level_s: Mapping[str, float] = field(default_factory=dict)
    """X of each queue."""
    short_abandon_s: Mapping[str, float] = field(default_factory=dict)
    """Callers of that queue who hang up earlier are short abandons; 0: nobody is."""
    default_service_level_s: float = 20.0

    def fingerprint(self) -> str:
        """Other text, other sums."""
        known = json.dumps(
            [
                VERSION,
                sorted(self.service_level_s.items()),
                sorted(self.short_abandon_s.items()),
                self.default_service_level_s,
            ]
        )
        return f"{VERSION}-{hashlib.sha256(known.encode()).hexdigest()[:16]}"


def _count(name: str, title: str, formula: str = "") -> Definition:
    return Definition(name=name, title=title, unit="count", formula=formula)


def _seconds(name: str, title: str, formula: str = "") -> Definition:
    return Definition(name=name, title=title, unit="seconds", formula=formula)


def _share(name: str, title: str, formula: str = "") -> Definition:
    return Definition(name=name, title=title, unit="share", formula=formula)


def _number(name: str, title: str, formula: str = "") -> Definition:
    return Definition(name=name, title=title, unit="number", formula=formula)


def _text(name: str, title: str, formula: str = "") -> Definition:
    return Definition(name=name, title=title, unit="text", formula=formula)


def _moment(name: str, title: str, formula: str = "") -> Definition:
    return Definition(name=name, title=title, unit="moment", formula=formula)


_KEYS = (
    _moment("start", "from"),
    _moment("end", "until"),
    *(_text(name, name) for name in ("queue", "agent", "team", "dnis", "skill")),
)
_CALLERS = (
    _count(
        "offered",
        "offered",
        "all who entered the queue, by the interval in which they did = answered + abandoned + overflowed + left by key "
        "+ withdrawn + called back + crashed + other",
    ),
    _count("answered", "answered", "callers who talked to an agent of the queue"),
    _count("abandoned", "abandoned", "callers who hung up waiting"),
    _count(
        "short_abandoned",
        "short",
        "abandoned sooner than the queue's `short_abandon_s`, 0 s unless set; part of abandoned",
    ),
    _count(
        "abandoned_ringing",
        "ringing",
        "abandoned while an agent's phone rang, or before its answer was put through; part of abandoned",
    ),
    _count(
        "overflowed",
        "overflowed",
        "left by the longest wait (timeout) or because no agent was there any more (empty)",
    ),
    _count("refused", "refused", "turned away at the door (full, join empty); not part of offered"),
    _count("left_by_key", "by key", "left by a key that they pressed"),
    _count("withdrawn", "withdrawn", "taken out by somebody else, or by a transfer"),
    _count("callbacks", "callbacks", "left for being called back; not abandoned"),
    _count("crashed", "crashed", "waited when the switch crashed"),
    _count("other", "other", "left in a way that this version does not know"),
    _count("transfers", "transfers", "answered callers whom the agent put through to somebody else"),
    _count(
        "answered_in_sl",
        "answered in X",
        "answered with a wait of X or less; X is the queue's `servicelevel`",
    ),
    _count("abandoned_in_sl", "abandoned in X", "abandoned with a wait of X or less"),
    _count("callbacks_in_sl", "callbacks in X", "left for being called back with a wait of X or less"),
    _count(
        "lost_in_sl", "lost in X", "lost with a wait of X or less; lost = abandoned + overflowed + withdrawn"
    ),
    _seconds("service_level_s", "X"),
    _seconds("wait_s", "wait", "sum of the waits of all offered"),
    _seconds("answered_wait_s", "answered wait", "sum of the waits of the answered"),
    _seconds("longest_wait_s", "longest", "longest wait of all offered"),
    _seconds("talk_s", "talk", "sum of talk without hold"),
    _seconds("hold_s", "hold"),
    _seconds("wrapup_s", "wrap-up"),
    _seconds("mean_wait_s", "mean wait", "wait of all offered / offered"),
    _seconds("asa_s", "asa", "average speed of answer = wait of the answered / answered"),
    _share(
        "sl_answered",
        "sl_answered",
        "service level, answered only (Asterisk's SL) = answered within X / answered",
    ),
    _share(
        "sl2",
        "sl2",
        "Asterisk's SL2 = (answered within X + lost within X) / (answered + lost); "
        "lost = abandoned + overflowed + withdrawn",
    ),
    _share("sl_offered", "sl_offered", "answered within X / (answered + abandoned - short abandoned)"),
    _share(
        "sl_removed",
        "sl_removed",
        "as Amazon Connect = removed within X, answered, abandoned or for being called back / offered",
    ),
    _share("abandon_rate", "abandon rate", "abandoned / offered"),
    _seconds("mean_handle_s", "AHT", "average handle time = (talk + hold + wrap-up) / answered"),
)
_AGENTS = (
    _count(
        "offers", "offers", "times that the agent's phone was rung, by the interval in which it began to ring"
    ),
    _count("offers_answered", "taken", "offers that were answered"),
    _count(
        "missed",
        "missed",
        "offers that rang and were not answered: no answer, rejected, busy, unreachable, failed",
    ),
    _seconds("logged_in_s", "logged in", "all time from login to logout, cut at the edges of the interval"),
    *(
        _seconds(f"{name}_s", title, f"time in the state `{title}`")
        for name, title in (
            ("idle", "idle"),
            ("ringing", "ringing"),
            ("talking", "talking"),
            ("occupied", "occupied"),
            ("after_call", "wrap-up"),
            ("paused", "paused"),
            ("resting", "resting"),
            ("unreachable", "unreachable"),
        )
    ),
    _text("pauses", "pauses", "time paused, by reason"),
    _share(
        "occupancy",
        "occupancy",
        "(talking + occupied + wrap-up) / (talking + occupied + wrap-up + idle); ringing, resting, paused and unreachable "
        "count on neither side",
    ),
    _share(
        "adherence",
        "adherence",
        "to the status that the agent declared = 1 - (resting + unreachable) / (logged in - paused): the share of the time "
        "declared available in which a call could reach him",
    ),
    _share("paused_share", "paused share", "paused / logged in"),
)
_CALLS = (
    _count("calls", "calls", "calls that began in the interval and have ended, by the fate of each"),
    _count("talked", "talked", "talked to somebody: was put through"),
    _count("messages", "messages", "ended in a message box"),
    _count(
        "abandoned_in_ivr",
        "left in greeting",
        "ended by the caller while greeted, without having been in a queue",
    ),
    _count("abandoned_in_queue", "left in queue", "ended by the caller while he waited in a queue"),
    _count(
        "given_up", "given up", "ended by the caller before anybody answered, in neither greeting nor queue"
    ),
    _count(
        "turned_away",
        "turned away",
        "never answered, ended by the switch with an error (status 400 and above)",
    ),
    _count("crash", "crash", "cut off by a crash of the switch"),
    _count("ended", "ended", "every other call: answered by the switch and ended by it or by the far side"),
)
_REPEATS = (
    _count("first", "answered", "answered in the queue, with a caller's number that is known"),
    _count(
        "repeated",
        "again",
        "of these: the same number entered any queue again within N days after that wait ended",
    ),
    _share(
        "repeat_rate",
        "repeat rate",
        "first-call repeat = again / answered; 1 - it approximates first-call resolution",
    ),
)
_LOST = (
    _text("call", "call"),
    _moment("entered", "entered"),
    _text("ani", "number"),
    _text("outcome", "outcome"),
    _seconds("waited_s", "waited"),
    _text(
        "fate",
        "since then",
        "`called back`: a call of ours to that number was answered within the window; `reached us`: the same number talked "
        "to a person later; `tried again`: it called and was lost again; `open`: nothing happened; `no number`: nobody can "
        "tell",
    ),
    _moment("settled", "when"),
    _text("by", "by"),
)
_TIMELINE = (
    _moment("began", "began"),
    _moment("ended_at", "ended"),
    _seconds("length_s", "length"),
    _text("event", "what", "`login`, `logout`, or the status declared"),
    _text("reason", "reason"),
    _text("states", "states", "seconds in each state of that stretch"),
)
_PROMISES = (
    _count(
        "promised",
        "told",
        "stays in a queue in which the caller was told how long he will wait",
    ),
    _count(
        "judged",
        "judged",
        "within + early + late; who left before the end of the range unserved is not judged",
    ),
    _count("within", "within", "served after a wait within the range that he was told first"),
    _count("early", "early", "served sooner than told"),
    _count(
        "late", "late", "served later than told, or gone unserved after more than the longest that was told"
    ),
    _share("within_share", "kept", "within / judged"),
    _share("every_share", "all kept", "the same of every range that was told, not only the first"),
    _seconds("width_s", "width", "mean length of the first ranges that have an end"),
    _seconds(
        "error_s",
        "error",
        "mean of the wait expected less the one that came, of the served: above 0, told too much",
    ),
    _count("ranges_told", "ranges", "ranges told in all"),
)
_STAFFING = (
    _number("erlangs", "erlangs", "offered / length of the interval x AHT"),
    _seconds("aht_s", "AHT", "that of the interval; of the whole report where nobody was answered in it"),
    _seconds(
        "patience_s",
        "patience",
        "mean patience = wait of all offered / abandoned, over the whole report (Erlang A)",
    ),
    _number(
        "needed_c",
        "Erlang C",
        "fewest agents with which Erlang C, where nobody hangs up, meets the target within X",
    ),
    _number("needed_a", "Erlang A", "the same of Erlang A, where callers hang up with that patience"),
    _number(
        "present",
        "present",
        "mean number of agents of the queue who were there: idle, ringing, talking, occupied, in wrap-up or resting",
    ),
    _number("spare", "spare", "present - Erlang A"),
)
_USUAL: Final[Sequence[tuple[str, str, Unit]]] = (
    ("offered", "offered", "number"),
    ("answered", "answered", "number"),
    ("abandon_rate", "abandon rate", "share"),
    ("sl_offered", "sl_offered", "share"),
    ("asa_s", "asa", "seconds"),
    ("mean_handle_s", "AHT", "seconds"),
)
_TRENDS = (
    *(
        Definition(
            name=f"usual_{name}",
            title=f"usual {title}",
            unit=unit,
            formula=f"{name} of the same hours of the same weekday of the four weeks before, as far as there are rows of "
            "then: counts are their means, ratios are computed of their sums",
        )
        for name, title, unit in _USUAL
    ),
    _share("trend", "trend", "offered / usual offered - 1"),
)

DEFINITIONS: Final[Mapping[str, Definition]] = MappingProxyType(
    {
        each.name: each
        for each in (
            *_KEYS,
            *_CALLERS,
            *_AGENTS,
            *_CALLS,
            *_REPEATS,
            *_LOST,
            *_PROMISES,
            *_TIMELINE,
            *_STAFFING,
            *_TRENDS,
        )
    }
)

CALLER_COLUMNS: Final = (
    *("offered", "answered", "abandoned", "overflowed", "refused", "mean_wait_s", "asa_s", "longest_wait_s"),
    *("service_level_s", "sl_answered", "sl2", "sl_offered", "sl_removed", "abandon_rate", "mean_handle_s"),
    *(
        "short_abandoned",
        "abandoned_ringing",
        "callbacks",
        "transfers",
        "left_by_key",
        "withdrawn",
        "crashed",
    ),
    *("other", "talk_s", "hold_s", "wrapup_s", "wait_s", "answered_wait_s"),
    *("answered_in_sl", "abandoned_in_sl", "callbacks_in_sl", "lost_in_sl"),
)
AGENT_COLUMNS: Final = (
    *("offers", "offers_answered", "missed", "answered", "logged_in_s", "idle_s", "ringing_s", "talking_s"),
    *("occupied_s", "after_call_s", "paused_s", "mean_handle_s", "occupancy", "adherence", "transfers"),
    *("resting_s", "unreachable_s", "paused_share", "talk_s", "hold_s", "wrapup_s", "pauses"),
)
TEAM_COLUMNS: Final = (
    *("offered", "answered", "abandoned", "asa_s", "sl_offered", "abandon_rate", "mean_handle_s"),
    *("logged_in_s", "occupancy", "adherence", "missed", "paused_share", "transfers"),
)
TREND_COLUMNS: Final = tuple(each.name for each in _TRENDS)
COLUMNS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "queue": ("start", "queue", *CALLER_COLUMNS),
        "dnis": ("start", "dnis", *CALLER_COLUMNS),
        "skill": ("start", "skill", *CALLER_COLUMNS),
        "agent": ("start", "agent", *AGENT_COLUMNS),
        "team": ("start", "team", *TEAM_COLUMNS),
        "calls": ("start", *(each.name for each in _CALLS)),
        "repeat": ("start", "queue", *(each.name for each in _REPEATS)),
        "lost": ("entered", "queue", "ani", "dnis", "outcome", "waited_s", "fate", "settled", "by", "call"),
        "promises": ("start", "queue", *(each.name for each in _PROMISES)),
        "timeline": ("agent", *(each.name for each in _TIMELINE)),
        "staffing": ("start", "queue", "offered", *(each.name for each in _STAFFING)),
    }
)
"""The columns of each report, the most wanted first."""
