"""What the control API can ask of messages with their mails, of surveys, and of speech."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from softswitch.api.events_views import MessageView


@dataclass(frozen=True, slots=True, kw_only=True)
class MailView:
    """Of one message."""

    state: str
    """`waiting`, `sent`, `failed` or `gone`."""
    addresses: tuple[str, ...]
    """Those that have not got it yet; of a mail that was sent, all."""
    attempts: int
    asked: float
    next_at: float | None
    ended: float | None
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailView:
    message: MessageView
    mail: MailView | None = None
    """None: it is not sent by mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySearch:
    """Empty and None mean any. Newest first."""

    since: float | None = None
    until: float | None = None
    survey: str = ""
    queue: str = ""
    agent: str = ""
    call: str = ""
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswerView:
    call: str
    began: float
    survey: str
    question: str
    queue: str
    agent: str
    ani: str
    dnis: str
    answer: int | None
    recording: str
    talk_s: float
    wait_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyFiguresView:
    """One question to the callers of one queue and agent, or of all."""

    survey: str
    question: str
    queue: str
    agent: str
    asked: int
    answered: int
    """With a key that is an answer."""
    comments: int
    mean: float | None
    """Of the answers; None: there are none."""
    answers: Mapping[str, int] = field(default_factory=dict)
    """Answer to how often it was given."""


class VoiceControl(Protocol):
    async def voicemail(self, box: str, new: bool | None, limit: int) -> tuple[VoicemailView, ...]:
        """Newest first. Raises `UnknownThing` for a box that there is not."""

    async def one(self, message: str) -> VoicemailView:
        """Raises `UnknownThing`."""

    async def survey_answers(self, search: SurveySearch) -> tuple[SurveyAnswerView, ...]: ...

    async def survey_figures(self, search: SurveySearch, by: str) -> tuple[SurveyFiguresView, ...]:
        """`by`: `agent`, `queue` or `survey`; what it leaves out is empty."""
