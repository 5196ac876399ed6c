"""Which right each route of the control API demands, as one table; a route that is not in it is for administrators alone.

A rule names the act and on what it is: `*` is decided by the role alone, `switch` belongs to no team, a word of the route
(`call`, `agent`, `queue` …) names the thing. `rows` says what the entries of a list belong to: those that the asker may not
see are left out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from softswitch.config.acts import Act

ANY, SWITCH = "*", "switch"
Demand = tuple[Act, str, str]
"""Act, kind and name of the thing."""
Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    act: Act
    on: str = SWITCH
    rows: str = ""
    """`agent`, `queue`, `team` or `call`: a list, filtered by what each entry belongs to."""
    within: str = ""
    """Key of the answer that holds the list; empty: the answer is one."""
    paged: bool = False
    """It takes `limit` and `offset`."""
    stream: bool = False
    """It is answered for as long as somebody listens."""
    demands: Callable[[Given, Given], Iterator[Demand]] | None = None
    """Made of the route's words and the body or query, where act or thing depend on them."""


_AGENT_ACTS = {
    "login": Act.AGENT_LOGIN,
    "logout": Act.AGENT_LOGOUT,
    "pause": Act.AGENT_PAUSE,
    "resume": Act.AGENT_RESUME,
    "wrapup": Act.AGENT_WRAPUP,
    "endpoint": Act.AGENT_SEAT,
}
SPYING = {
    "listen": Act.SPY_LISTEN,
    "whisper": Act.SPY_WHISPER,
    "barge": Act.SPY_BARGE,
    "take-over": Act.SPY_TAKE_OVER,
}


def _of_agent(words: Given, body: Given) -> Iterator[Demand]:
    act = _AGENT_ACTS[words["action"]]
    yield act, "agent", words["agent"]
    if body.get("endpoint"):  # whoever sits there is logged out
        yield act, "seat", str(body["endpoint"])
        yield act, "person", words["agent"]


def _supervise(words: Given, body: Given) -> Iterator[Demand]:
    kind = "call" if body.get("call") else "agent"
    act = SPYING.get(str(body.get("mode") or "listen"), Act.SPY_LISTEN)
    yield act, kind, str(body.get(kind) or "")


def _mode(words: Given, body: Given) -> Iterator[Demand]:
    act = SPYING.get(str(body.get("mode") or ""), Act.SPY_LISTEN)
    yield act, "supervision", words["supervision"]


def _move(words: Given, body: Given) -> Iterator[Demand]:
    yield Act.CALL_MOVE, "call", words["call"]
    yield Act.CALL_MOVE, "queue", str(body.get("queue") or "")


def _text(words: Given, body: Given) -> Iterator[Demand]:
    for key, kind in (("to", "endpoint"), ("queue", "queue"), ("team", "team")):
        if body.get(key):
            yield Act.TEXT_SEND, kind, str(body[key])
    if body.get("everybody") or not any(body.get(key) for key in ("to", "queue", "team")):
        yield Act.TEXT_SEND, SWITCH, ""


_REPORT_NAMES = {
    "queue": "queue",
    "staffing": "queue",
    "promises": "queue",
    "lost": "queue",
    "repeat": "queue",
    "agent": "agent",
    "timeline": "agent",
    "team": "team",
}
"""What `name` is in each report; in others it is no thing that belongs to anybody."""
_REPORTS_OF_QUEUE = {"queue", "dnis", "skill", "staffing", "promises", "lost", "repeat"}
_REPORTS_OF_TEAM = {"queue", "dnis", "skill", "agent", "team"}
_REPORT_ROWS = {"queue": "queue", "agent": "agent", "timeline": "agent", "team": "team"}


def report_rows(kind: str) -> str:
    """What its rows belong to; empty: nothing."""
    return _REPORT_ROWS.get(kind, "")


def _report(words: Given, query: Given) -> Iterator[Demand]:
    """A report over everything is for those who may see everything, but where its rows can be told apart."""
    kind, named = words["kind"], []
    if query.get("name") and kind in _REPORT_NAMES:
        named.append((_REPORT_NAMES[kind], str(query["name"])))
    if query.get("queue") and kind in _REPORTS_OF_QUEUE:
        named.append(("queue", str(query["queue"])))
    elif query.get("team") and kind in _REPORTS_OF_TEAM:
        named.append(("team", str(query["team"])))
    for thing, name in named:
        yield Act.REPORT_READ, thing, name
    if not named:
        yield Act.REPORT_READ, ANY if report_rows(kind) else SWITCH, ""


_CALL = "/v1/calls/{call}"
_SUPERVISION = "/v1/supervisions/{supervision}"
_CONFERENCE = "/v1/conferences/{conference}"
RULES: Mapping[tuple[str, str], Rule] = {
    ("GET", "/health"): Rule(Act.SWITCH_READ, "open"),
    ("GET", "/ready"): Rule(Act.SWITCH_READ, "open"),
    ("GET", "/v1/whoami"): Rule(Act.SWITCH_READ, "open"),
    ("GET", "/metrics"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/status"): Rule(Act.SWITCH_READ, ANY),
    ("GET", "/v1/lines"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/trunks"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/registrations"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/trunk-groups"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/dead-targets"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/route-test"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/fraud"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/security"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/subscriptions"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/subscriptions/figures"): Rule(Act.SWITCH_READ),
    ("GET", "/v1/feed"): Rule(Act.SWITCH_READ),
    ("POST", "/v1/security/bans"): Rule(Act.SECURITY_MANAGE),
    ("DELETE", "/v1/security/bans/{address}"): Rule(Act.SECURITY_MANAGE),
    ("GET", "/v1/flows"): Rule(Act.SWITCH_READ),
    ("POST", "/v1/flows/{flow}/version"): Rule(Act.SWITCH_RUN),
    ("POST", "/v1/reload"): Rule(Act.SWITCH_RUN),
    ("POST", "/v1/stop"): Rule(Act.SWITCH_RUN),
    ("POST", "/v1/selftest"): Rule(Act.SWITCH_RUN),
    ("DELETE", "/v1/selftest"): Rule(Act.SWITCH_RUN),
    ("GET", "/v1/sip/trace"): Rule(Act.SIP_TRACE, stream=True),
    ("GET", _CALL + "/messages"): Rule(Act.SIP_TRACE, "call"),
    ("GET", "/v1/audit"): Rule(Act.AUDIT_READ),
    ("GET", "/v1/events"): Rule(Act.FEED_READ, ANY, stream=True),
    # --- queues and agents ---
    ("GET", "/v1/queues"): Rule(Act.QUEUE_READ, ANY, rows="queue"),
    ("GET", "/v1/queues/{queue}"): Rule(Act.QUEUE_READ, "queue"),
    ("GET", "/v1/callbacks"): Rule(Act.QUEUE_READ, ANY, rows="queue"),
    ("DELETE", "/v1/callbacks/{callback}"): Rule(Act.CALLBACK_CANCEL, "callback"),
    ("GET", "/v1/agents"): Rule(Act.AGENT_READ, ANY, rows="agent"),
    ("GET", "/v1/why/agents/{agent}"): Rule(Act.AGENT_READ, "agent"),
    ("POST", "/v1/agents/{agent}/{action}"): Rule(Act.AGENT_LOGIN, "agent", demands=_of_agent),
    # --- calls ---
    ("GET", "/v1/calls"): Rule(Act.CALL_READ, ANY, rows="call"),
    ("GET", _CALL): Rule(Act.CALL_READ, "call"),
    ("GET", "/v1/why/calls/{call}"): Rule(Act.CALL_READ, "call"),
    ("GET", "/v1/cdrs"): Rule(Act.CALL_READ, ANY, rows="call", paged=True),
    ("GET", "/v1/cdrs/{call}"): Rule(Act.CALL_READ, "call"),
    ("DELETE", _CALL): Rule(Act.CALL_HANGUP, "call"),
    ("POST", _CALL + "/{order}"): Rule(Act.CALL_TRANSFER, "call"),
    ("POST", _CALL + "/park"): Rule(Act.CALL_TRANSFER, "call"),
    ("POST", _CALL + "/pickup"): Rule(Act.CALL_TRANSFER, "call"),
    ("POST", _CALL + "/pull"): Rule(Act.CALL_PULL, "call"),
    ("POST", _CALL + "/move"): Rule(Act.CALL_MOVE, "call", demands=_move),
    ("POST", _CALL + "/priority"): Rule(Act.CALL_PRIORITY, "call"),
    # --- supervisors ---
    ("GET", "/v1/supervisions"): Rule(Act.SPY_READ, ANY, rows="call"),
    ("GET", "/v1/supervisions/audit"): Rule(Act.SPY_READ, ANY, rows="call"),
    ("POST", "/v1/supervisions"): Rule(Act.SPY_LISTEN, demands=_supervise),
    ("POST", _SUPERVISION + "/mode"): Rule(Act.SPY_LISTEN, demands=_mode),
    ("DELETE", _SUPERVISION): Rule(Act.SPY_LISTEN, "supervision"),
    # --- recordings and messages ---
    ("GET", "/v1/recordings"): Rule(Act.RECORDING_READ, ANY, rows="call", paged=True),
    ("GET", "/v1/recordings/{recording}"): Rule(Act.RECORDING_READ, "recording"),
    ("GET", "/v1/recordings/{recording}/sound"): Rule(Act.RECORDING_LISTEN, "recording"),
    ("POST", _CALL + "/recording"): Rule(Act.RECORDING_CONTROL, "call"),
    ("DELETE", _CALL + "/recording"): Rule(Act.RECORDING_CONTROL, "call"),
    ("POST", _CALL + "/mask"): Rule(Act.RECORDING_CONTROL, "call"),
    ("DELETE", _CALL + "/mask"): Rule(Act.RECORDING_CONTROL, "call"),
    ("GET", "/v1/boxes"): Rule(Act.MESSAGE_READ),
    ("GET", "/v1/messages"): Rule(Act.MESSAGE_READ),
    ("GET", "/v1/voicemail"): Rule(Act.MESSAGE_READ),
    ("GET", "/v1/voicemail/{message}"): Rule(Act.MESSAGE_READ),
    ("GET", "/v1/surveys/answers"): Rule(Act.REPORT_READ, ANY, rows="queue"),
    ("GET", "/v1/surveys/figures"): Rule(Act.REPORT_READ),
    ("POST", "/v1/messages/{message}/{mark}"): Rule(Act.MESSAGE_MANAGE),
    ("DELETE", "/v1/messages/{message}"): Rule(Act.MESSAGE_MANAGE),
    ("POST", "/v1/texts"): Rule(Act.TEXT_SEND, demands=_text),
    # --- conferences ---
    ("GET", "/v1/conferences"): Rule(Act.CONFERENCE_READ),
    ("GET", _CONFERENCE): Rule(Act.CONFERENCE_READ),
    ("POST", _CONFERENCE + "/{order}"): Rule(Act.CONFERENCE_MANAGE),
    ("POST", _CONFERENCE + "/members/{call}/{order}"): Rule(Act.CONFERENCE_MANAGE),
    ("DELETE", _CONFERENCE + "/members/{call}"): Rule(Act.CONFERENCE_MANAGE),
    # --- reports ---
    ("GET", "/v1/reports"): Rule(Act.REPORT_READ, ANY),
    ("GET", "/v1/reports/{kind}"): Rule(Act.REPORT_READ, within="rows", demands=_report),
    ("GET", "/v1/reports/check"): Rule(Act.REPORT_READ),
    ("POST", "/v1/reports/recompute"): Rule(Act.REPORT_RECOMPUTE),
}
UNLISTED = Rule(Act.SWITCH_RUN)


def rule_of(method: str, route: str) -> Rule:
    """`route` is the template, `/v1/calls/{call}`."""
    return RULES.get(("GET" if method == "HEAD" else method, route), UNLISTED)


def demands_of(rule: Rule, words: Given, given: Given) -> list[Demand]:
    """All of them must be met. `given` is the body, or the query of a GET."""
    if rule.demands is not None:
        return list(rule.demands(words, given))
    return [(rule.act, rule.on, str(words.get(rule.on, "")))]
