"""Tables of the configuration about voices: speech from text, mail with messages, surveys, recognisers of speech.

`schema.py` joins them to the rest; the docstring under each field is what the reference prints. Checks of one value are
here too, for `formats.py`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Annotated, Literal

from pydantic import Field

WORDS = frozenset({"voice", "rate", "file"})
"""What stands in braces in `speech.command`."""
_RECOGNISER = re.compile(r"wss?://[^\s/?#@]+(?:[/?][^\s#]*)?")
_MAIL_SERVER = re.compile(r"smtps?://(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_MAIL_ADDRESS = re.compile(r"[^\s<>\",;:@\x00-\x1f]+@[A-Za-z0-9._-]+")

Scale = Annotated[int, Field(ge=1, le=9)]
Percent = Annotated[int, Field(ge=0, le=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """Speech from text while the switch runs: `speak` nodes, and names in a directory."""

    command: tuple[str, ...] = ("espeak-ng", "-v", "{voice}", "-s", "{rate}", "-w", "{file}", "--stdin")
    """Program and its arguments; it reads the text (UTF-8) from standard input and writes a sound file, WAV or what else
    libsndfile reads, to `{file}`. `{voice}` and `{rate}` are those below. Empty: nothing is spoken."""
    voices: Mapping[str, str] = field(default_factory=lambda: {"en": "en-gb", "es": "es", "ro": "ro"})
    """Language to voice, in the words of the program; a language without one is spoken in that of `general.language`."""
    rate: int = 165
    """Speed of speech, in the words of the program: for espeak-ng words a minute."""
    timeout_s: float = 10.0
    """A program that has not ended by then is killed."""
    max_chars: int = 1000
    """A longer text is not spoken."""
    parallel: int = 2
    """Programs at once; further texts wait."""
    directory: str = ""
    """Folder of what was spoken already; empty means `{state_dir}/speech`."""
    cache_mb: int = 200
    """Room for it; what was not heard for longest goes first."""
    music: str = "music"
    """Prompt that callers hear while a text is made; empty: silence."""
    fallback: str = ""
    """Prompt in the place of a text that could not be spoken; empty: the flow goes on at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """How messages in boxes are sent by mail (`mail` of a box)."""

    server: str = ""
    """`smtp://HOST[:PORT]`, or `smtps://HOST[:PORT]` for TLS from the first byte on; empty sends nothing."""
    starttls: Literal["required", "optional", "never"] = "required"
    """TLS on an `smtp` connection (RFC 3207). `required`: without it nothing is sent."""
    user: str = ""
    """Name to log in with; empty does not log in."""
    secret_file: str = ""
    """File whose first line is the password; relative to the file that names it."""
    sender: str = ""
    """Address in From; empty: `softswitch@` and the host of `server`."""
    timeout_s: float = 30.0
    """For each step of a conversation with the server."""
    retry_min_s: float = 60.0
    """Pause after the first failure; it doubles with each further one."""
    retry_max_s: float = 7200.0
    """Longest pause."""
    give_up_h: float = 120.0
    """After so long a mail is given up, with an alarm; the message itself stays in its box."""
    attach_mb: float = 15.0
    """Recordings that are larger are announced, not attached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    name: str
    """Under which the answers are counted."""
    prompt: str
    """The question, spoken."""
    scale: Scale = 5
    """Highest key that is an answer; the lowest is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Questions to callers of a queue (`survey` of the queue) when their agent has hung up."""

    questions: tuple[Question, ...] = ()
    """Asked one after another."""
    invite: str = "survey-invite"
    """Prompt before the first question, where `*` declines; empty says none."""
    accept: bool = False
    """The caller is asked to press 1 first; else the questions follow at once."""
    comment: bool = False
    """Ask for a spoken comment at the end."""
    comment_prompt: str = "survey-comment"
    """Prompt before the comment is recorded."""
    comment_max_s: float = 60.0
    """Longest comment."""
    thanks: str = "survey-thanks"
    """Prompt at the end; empty says none."""
    timeout_s: float = 5.0
    """Wait for a key after a question."""
    retries: Annotated[int, Field(ge=0, le=5)] = 1
    """Further tries after silence or a wrong key; then the next question comes."""
    share_percent: Percent = 100
    """So many of a hundred callers are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recogniser:
    """A program that understands speech, reached over a WebSocket; `docs/speech.md` says what is sent and expected."""

    url: str
    """`ws://HOST[:PORT]/PATH`, or `wss://`."""
    secret_file: str = ""
    """File whose first line is sent as `Authorization: Bearer …`; relative to the file that names it."""
    rate: Literal[8000, 16000] = 8000
    """Samples a second of the audio that it is sent, PCM of 16 bits, little-endian."""
    connect_s: float = 2.0
    """Longest time until the connection stands; audio of meanwhile is kept."""
    answer_s: float = 3.0
    """Longest time for an answer after the caller's time to speak is over."""
    queue_s: float = 5.0
    """Seconds of audio that wait for a recogniser that is slow; when there are more, the oldest are left out."""
    max_streams: int = 50
    """Callers it listens to at once; nodes of further ones go on as if it could not be reached."""


def check_command(command: tuple[str, ...]) -> str:
    """What is wrong with `speech.command`; empty: nothing."""
    if not command:
        return ""
    try:
        words = {name for part in command for _, name, _, _ in Formatter().parse(part) if name is not None}
    except ValueError as error:
        return str(error)
    if words - WORDS:
        return f"{{{min(words - WORDS)}}} is unknown; known are {', '.join(f'{{{name}}}' for name in sorted(WORDS))}"
    return "" if "file" in words else "lacks {file}, where the program writes to"


def recogniser_address(text: str) -> None:
    """Raises ValueError."""
    if _RECOGNISER.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no address of a recogniser; expected ws://HOST[:PORT]/PATH or wss://…")


def mail_server(text: str) -> None:
    """Raises ValueError."""
    if _MAIL_SERVER.fullmatch(text) is None or not 0 < host_and_port(text)[1] < 65536:
        raise ValueError(f"{text!r} is no mail server; expected smtp://HOST[:PORT] or smtps://HOST[:PORT]")


def mail_address(text: str) -> None:
    """Raises ValueError."""
    if len(text) > 254 or _MAIL_ADDRESS.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no mail address; expected NAME@HOST")


def host_and_port(server: str) -> tuple[str, int, bool]:
    """Of `mail.server`: host, port, and whether TLS begins at once."""
    scheme, _, place = server.partition("://")
    host, bracket, port = place.rpartition(":")
    if not bracket or place.endswith("]"):
        host, port = place, ""
    secure = scheme == "smtps"
    return host.strip("[]"), int(port) if port else 465 if secure else 25, secure


def survey_names(surveys: Mapping[str, Survey]) -> Iterator[tuple[str, int]]:
    """Surveys with a question whose name an earlier one has, and which."""
    for name, survey in surveys.items():
        seen: set[str] = set()
        for index, question in enumerate(survey.questions):
            if question.name in seen:
                yield name, index
            seen.add(question.name)
