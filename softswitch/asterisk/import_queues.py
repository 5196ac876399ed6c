"""`queues.conf` and `agents.conf`: queues with their rules, and the agents who are their members."""

from dataclasses import dataclass

from softswitch.asterisk.conf_file import ConfFile, Entry, Section
from softswitch.asterisk.draft import YES, Draft, Taking, named

STRATEGIES = {
    "ringall": "ring-all",
    "leastrecent": "longest-idle",
    "fewestcalls": "fewest-calls",
    "random": "random",
    "rrmemory": "round-robin",
    "rrordered": "round-robin",
    "roundrobin": "round-robin",
    "linear": "linear",
    "wrandom": "weighted",
}
_PROMPTS = "copy the recording into `prompts.directory` and name it in this queue"
_REASONS = {
    "musicclass": f"music is a prompt here: `music`; {_PROMPTS}",
    "musiconhold": f"music is a prompt here: `music`; {_PROMPTS}",
    "context": 'keys lead to targets here: `keys = { "1" = "message:sales" }`',
    "periodic-announce": f"`periodic_announce` is one prompt, told with each announcement; {_PROMPTS}",
    "periodic-announce-frequency": "`announce_frequency` is one pause for all announcements",
    "announce": f"`agent_announce` is a prompt here; {_PROMPTS}",
    "queue-callerannounce": "callers hear nothing when they are put through",
    "defaultrule": "queuerules.conf is not read: write `steps`",
    "penaltymemberslimit": "write `steps` instead",
    "membermacro": "there is no dialplan; a strategy plug-in may choose agents",
    "membergosub": "there is no dialplan; a strategy plug-in may choose agents",
    "monitor-format": "recordings are WAV; `recording.convert` makes FLAC or Opus of them",
    "timeoutpriority": "there is one `max_wait`; an agent who is rung then is that caller's last chance",
    "timeoutrestart": "an offer that fails ends at once, and the next agent is rung",
    "autopausedelay": "count failures instead: `autopause`",
    "memberdelay": "there is no pause before agents are put through",
    "announce-position-limit": "positions are told as they are",
    "min-announce-frequency": "`announce_frequency` is the least pause",
}
_SO_HERE = frozenset(
    {
        *(
            "autofill",
            "persistentmembers",
            "monitor-type",
            "setinterfacevar",
            "setqueueentryvar",
            "setqueuevar",
        ),
        *("shared_lastcall", "force_longest_waiting_caller", "log_membername_as_agent", "keepstats"),
        *(
            "reportholdtime",
            "announce-to-first-user",
            "relative-periodic-announce",
            "log-restricted-caller-id",
        ),
        *(
            "log-caller-id-name",
            "negative_penalty_invalid",
            "eventwhencalled",
            "eventmemberstatus",
            "eventmemberadded",
        ),
        "announce-position-only-up",
    }
)
"""What is so here in any case, or means nothing without Asterisk's dialplan."""
_PLAIN = {
    "timeout": "timeout",
    "wrapuptime": "wrapuptime",
    "servicelevel": "servicelevel",
    "announce-frequency": "announce_frequency",
}
_WHOLE = {"weight": "weight", "maxlen": "maxlen"}


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a member of a queue is called."""

    agent: str
    name: str
    endpoint: str


def import_queues(conf: ConfFile, draft: Draft) -> None:
    """After the phones: members whose phone is not there are left out."""
    for section in conf.real:
        taking = Taking(draft, section, _REASONS)
        if section.name == "general":
            _general(taking)
        else:
            _queue(taking, draft)
    if draft.section("queue"):
        draft.remark(
            "queues.conf",
            "numbers lead to queues by routes, which are in no file that was read: [route.NUMBER]",
        )


def _general(taking: Taking) -> None:
    entry = taking.last("shared_lastcall")
    if entry is not None and entry.value.lower() not in YES:
        taking.change(entry, "wrap-up counts for all of an agent's queues here")
    taking.finish(_SO_HERE)


def _queue(taking: Taking, draft: Draft) -> None:
    table = draft.table("queue", named(taking.section.name))
    table["wrapuptime"] = 0.0  # Asterisk's default
    _strategy(taking, table)
    for theirs, ours in _PLAIN.items():
        value = taking.number(theirs)
        if value is not None:
            table[ours] = value
    for theirs, ours in _WHOLE.items():
        value = taking.number(theirs)
        if value is not None:
            table[ours] = int(value)
    _announcements(taking, table)
    _emptiness(taking, table)
    _failures(taking, table)
    _recording(taking, table)
    members = [
        member for entry in taking.all("member") if (member := _member(entry, taking, draft)) is not None
    ]
    if members:
        table["members"] = members
    taking.finish(_SO_HERE)


def _strategy(taking: Taking, table: dict[str, object]) -> None:
    entry = taking.last("strategy")
    word = entry.value.lower() if entry is not None else "ringall"
    if word in STRATEGIES:
        table["strategy"] = STRATEGIES[word]
        if word == "rrordered" and entry is not None:
            taking.change(entry, "is round-robin here: in the order of the members")
    elif entry is not None:
        taking.lose(entry, "is no strategy that is known; longest-idle is taken")


def _announcements(taking: Taking, table: dict[str, object]) -> None:
    for theirs, ours in (
        ("announce-position", "announce_position"),
        ("announce-holdtime", "announce_holdtime"),
    ):
        entry = taking.last(theirs)
        if entry is None:
            continue
        word = entry.value.lower()
        table[ours] = word in YES or word in ("once", "more", "limit")
        if word in ("once", "more", "limit"):
            taking.change(entry, "is told at each announcement here")
    if "announce_frequency" not in table:
        table["announce_frequency"] = 0.0  # Asterisk's default


def _emptiness(taking: Taking, table: dict[str, object]) -> None:
    """The words are Asterisk's, all of them."""
    joining = taking.last("joinempty")
    if joining is not None:
        table["joinempty"] = joining.value.lower().replace(" ", "")
    leaving = taking.last("leavewhenempty")
    if leaving is not None:
        table["leavewhenempty"] = leaving.value.lower().replace(" ", "")


def _failures(taking: Taking, table: dict[str, object]) -> None:
    autopause = taking.last("autopause")
    if autopause is not None and autopause.value.lower() not in ("no", "false", "0", "off", ""):
        table["autopause"] = 1
        causes = ["no answer"]
        causes += ["busy"] if taking.yes("autopausebusy") else []
        causes += ["unreachable"] if taking.yes("autopauseunavail") else []
        table["autopause_on"] = causes
        if autopause.value.lower() != "all":
            taking.change(autopause, "pauses him in all of his queues here")
    retry = taking.number("retry")
    if retry is not None:
        table["delays"] = {"no_answer_s": retry}
    busy = taking.last("ringinuse")
    if busy is not None and busy.value.lower() in YES:
        taking.lose(busy, "whoever talks is never rung here")


def _recording(taking: Taking, table: dict[str, object]) -> None:
    wanted = taking.last("monitor-format")
    table["record"] = "always" if wanted is not None and wanted.value else "never"
    if wanted is not None and wanted.value.lower() not in ("wav", ""):
        taking.change(wanted, _REASONS["monitor-format"])


def _member(entry: Entry, taking: Taking, draft: Draft) -> dict[str, object] | None:
    """`interface[,penalty[,name[,state interface[,ringinuse[,wrap-up]]]]]`"""
    fields = [field.strip() for field in entry.value.split(",")]
    interface, penalty, name, state, _, wrapup = (*fields, "", "", "", "", "", "")[:6]
    seat = _seat(interface, state, name, draft)
    if seat is None:
        taking.lose(entry, "his phone is none of those in pjsip.conf; agents have one here")
        return None
    agent = draft.table("agent", seat.agent)
    agent["endpoint"] = seat.endpoint
    if seat.name:
        agent["name"] = seat.name
    agent["login"] = "on-start"
    if wrapup.isdecimal():
        agent["wrapuptime"] = float(wrapup)
    member: dict[str, object] = {"agent": seat.agent}
    if penalty.isdecimal() and int(penalty):
        member["penalty"] = int(penalty)
    return member


def _seat(interface: str, state: str, name: str, draft: Draft) -> Seat | None:
    """Who is meant: `PJSIP/1001`, `Local/1001@agents`, `Agent/1001`; the state interface names the phone best."""
    phones = draft.tables.get("endpoint", {})
    for text in (state, interface):
        kind, _, rest = text.replace(":", "/", 1).partition("/")
        number = named(rest.split("@")[0].split("/")[0])
        if kind.lower() in ("pjsip", "sip", "local", "agent", "iax2") and number in phones:
            return Seat(number, name, number)
    return None


_AGENT_REASONS = {
    "ackcall": "an agent answers his phone, which is as good",
    "acceptdtmf": "an agent answers his phone, which is as good",
    "autologoff": "an agent is paused instead: `autopause` of his queues",
    "musiconhold": "he hears no music: he is rung",
    "custom_beep": "he hears `agent_announce` of the queue",
}


def import_agents(conf: ConfFile, draft: Draft) -> None:
    """Agents who sit nowhere until they log in have no place here: one has a phone of the same name, or is left out."""
    for section in conf.real:
        taking = Taking(draft, section, _AGENT_REASONS)
        if section.name in ("general", "agents"):
            taking.finish()
        else:
            _agent(section, taking, draft)


def _agent(section: Section, taking: Taking, draft: Draft) -> None:
    name = named(section.name)
    if name not in draft.tables.get("endpoint", {}):
        why = "he has no phone of this name; add one, and `[agent.NAME] endpoint = …`"
        draft.remark(section.file, why, section.line, f"[{section.name}]")
        for entry in section.entries:
            taking.lose(entry, why)
        return
    agent = draft.table("agent", name)
    agent["endpoint"] = name
    shown = taking.text("fullname")
    if shown:
        agent["name"] = shown
    wrapup = taking.number("wrapuptime")
    if wrapup is not None:
        agent["wrapuptime"] = wrapup / 1000
    if taking.yes("recordagentcalls"):
        agent["record"] = "always"
    taking.finish()
