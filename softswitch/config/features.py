"""Tables of the configuration about what people do during calls: keys, supervision, parking, conferences.

`schema.py` joins them to the rest; the docstring under each field is what the reference prints.
"""

from dataclasses import dataclass
from typing import Literal


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
    agent_login: str = "*16"
    """Dialled, followed by an agent's id: logs that agent in, at the phone of the configuration. This and the five below
    are for people with a role (`[person.NAME]`) over that agent or queue; who has a `pin` dials `*` and it behind."""
    agent_logout: str = "*17"
    """Dialled, followed by an agent's id: logs that agent out."""
    agent_pause: str = "*18"
    """Dialled, followed by an agent's id: pauses that agent, with the first of `pause_reasons`."""
    agent_resume: str = "*19"
    """Dialled, followed by an agent's id: that agent takes calls again."""
    pull: str = "*20"
    """Dialled, followed by a number that leads to a queue: takes the caller who is next there."""
    move: str = "*21"
    """Dialled, followed by two such numbers with `*` between them: the caller who is next in the first queue waits in the
    second."""
    voicemail: str = "*97"
    """Dialled: listens to the messages of this phone's `mailbox`; followed by the name of a box that is digits, to those of
    that box."""
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
