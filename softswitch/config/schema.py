"""The whole configuration: every table of the file by its name; `docs/configuration.md` is made from these files.

The docstring under each field is what the reference prints. Names carry their unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.config.endpoints import Endpoint
from softswitch.config.features import Conference, Features, Parking, Supervision
from softswitch.config.feeds import Ami, Events, Webhook
from softswitch.config.flow import Flow
from softswitch.config.general import General
from softswitch.config.lookups import Lookup
from softswitch.config.matching import Matching, PauseReason
from softswitch.config.media import Quality, Rtp
from softswitch.config.prompts import Message, Prompts
from softswitch.config.queues import Agent, Queue
from softswitch.config.recording import Recording
from softswitch.config.rights import Person, Role
from softswitch.config.routes import Calendar, Route, Routing
from softswitch.config.security import Security
from softswitch.config.sip import Sip
from softswitch.config.subscriptions import Subscriptions
from softswitch.config.teams import Team
from softswitch.config.tracing import Capture, Trace
from softswitch.config.trunks import Lcr, Numbers, Toll, Trunk, TrunkGroup
from softswitch.config.voice import Mail, Recogniser, Speech, Survey


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
    role: Mapping[str, Role] = field(default_factory=dict)
    person: Mapping[str, Person] = field(default_factory=dict)
    queue: Mapping[str, Queue] = field(default_factory=dict)
    calendar: Mapping[str, Calendar] = field(default_factory=dict)
    flow: Mapping[str, Flow] = field(default_factory=dict)
    lookup: Mapping[str, Lookup] = field(default_factory=dict)
    route: Mapping[str, Route] = field(default_factory=dict)
    message: Mapping[str, Message] = field(default_factory=dict)
    mail: Mail = field(default_factory=Mail)
    speech: Speech = field(default_factory=Speech)
    recogniser: Mapping[str, Recogniser] = field(default_factory=dict)
    survey: Mapping[str, Survey] = field(default_factory=dict)
    conference: Mapping[str, Conference] = field(default_factory=dict)
