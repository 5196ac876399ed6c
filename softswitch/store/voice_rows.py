"""Rows of mails about messages, and of answers in surveys. Times are wall seconds since 1970."""

from softswitch.ids import AgentId, CallId, QueueName, RecordingId
from softswitch.value import value


@value
class MailRow:
    """A message that is to be sent by mail; one row of each message, replaced as it goes on."""

    recording: RecordingId
    box: str
    addresses: str
    """Separated by spaces: those that have not got it yet."""
    state: str
    """`waiting`, `sent`, `failed` (given up) or `gone` (the message was deleted before)."""
    attempts: int
    asked: float
    next_at: float | None
    """Not before then; None: never again."""
    ended: float | None = None
    problem: str = ""
    """Why the latest attempt failed."""


@value
class SurveyAnswer:
    """One question of a survey that a caller was asked, and what he answered."""

    call: CallId
    began: float
    """When the survey began."""
    question: str
    """Its name; `comment` is the spoken one."""
    survey: str
    queue: QueueName
    agent: AgentId
    """Who had served him."""
    ani: str
    answer: int | None
    """The key; None: he pressed none that is an answer, or said his comment."""
    recording: str = ""
    """Of a spoken comment."""
