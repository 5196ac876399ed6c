"""Tables of the configuration about queues and agents. Where a key has the same meaning as one of Asterisk's `queues.conf`,
it has the same name.

`schema.py` joins them to the rest; the docstring under each field is what the reference prints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from softswitch.config.callback import Callback
from softswitch.config.matching import Cause, Step, StrategyName, Surge
from softswitch.config.recording import RecordWhen


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    endpoint: str
    """The phone he is called on."""
    name: str = ""
    """Shown on boards and in reports; empty means the agent's id."""
    skills: Mapping[str, int] = field(default_factory=dict)
    """Skill to level, 1 (some) to 5 (expert)."""
    login: Literal["keep", "on-start"] = "keep"
    """`on-start` logs him in when the switch starts, if he is not; `keep` restores what he was. A break goes on in both."""
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
    caller_transfers: bool = False
    """Callers who are phones of ours may put the agent through to somebody else by REFER, which is what a phone's transfer
    key sends; `false`: only agents put anybody through. Callers of trunks never may."""
    survey: str = ""
    """Survey (`[survey.NAME]`) for callers whose agent has hung up; empty asks nothing."""
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
