"""What is wrong in speech, mail, boxes, surveys and recognisers: values, and names that must exist. Pure."""

from collections.abc import Callable, Iterator, Set

from softswitch.config.problem import Finding, Path, nearest
from softswitch.config.schema import Config
from softswitch.config.voice import (
    check_command,
    mail_address,
    mail_server,
    recogniser_address,
    survey_names,
)

SHORTEST_PIN = 4
LONGEST_PIN = 16
"""As many keys are taken from a phone."""


def check_voice(config: Config, broken: Set[Path]) -> Iterator[Finding]:
    """`broken`: tables that exist but could not be read."""
    yield from _speech(config)
    yield from _mail(config)
    yield from _boxes(config)
    yield from _surveys(config, broken)
    for name, recogniser in config.recogniser.items():
        yield from _checked(("recogniser", name, "url"), recogniser_address, recogniser.url)


def _checked(path: Path, check: Callable[[str], object], value: str) -> Iterator[Finding]:
    try:
        check(value)
    except ValueError as error:
        yield Finding(path=path, message=str(error))


def _speech(config: Config) -> Iterator[Finding]:
    problem = check_command(config.speech.command)
    if problem:
        yield Finding(path=("speech", "command"), message=problem)
    for key in ("parallel", "max_chars", "rate"):
        if getattr(config.speech, key) < 1:
            yield Finding(path=("speech", key), message="is too little", expected="at least 1")


def _mail(config: Config) -> Iterator[Finding]:
    mail = config.mail
    if mail.server:
        yield from _checked(("mail", "server"), mail_server, mail.server)
    if mail.sender:
        yield from _checked(("mail", "sender"), mail_address, mail.sender)
    if mail.user and not mail.secret_file:
        yield Finding(path=("mail", "user"), message="needs secret_file, which is not there")
    if mail.user and mail.starttls == "never" and mail.server.startswith("smtp://"):
        message = 'is told to the mail server in clear; say starttls = "required", or smtps://'
        yield Finding(path=("mail", "starttls"), message=message, warning=True)
    if mail.retry_max_s < mail.retry_min_s:
        yield Finding(path=("mail", "retry_max_s"), message="is less than retry_min_s")
    if mail.retry_min_s <= 0:
        yield Finding(path=("mail", "retry_min_s"), message="is no pause", expected="more than 0")


def _boxes(config: Config) -> Iterator[Finding]:
    for name, box in config.message.items():
        for index, address in enumerate(box.mail):
            yield from _checked(("message", name, "mail", index), mail_address, address)
        if box.mail and not config.mail.server:
            message = "sends nothing: there is no mail server"
            yield Finding(
                path=("message", name, "mail"), message=message, expected="mail.server", warning=True
            )
        digits = box.pin.isascii() and box.pin.isdigit()
        if box.pin and not (digits and SHORTEST_PIN <= len(box.pin) <= LONGEST_PIN):
            expected = f"{SHORTEST_PIN} to {LONGEST_PIN} digits"
            yield Finding(path=("message", name, "pin"), message="is no code", expected=expected)
        if 0 < box.silence_s < 1:
            yield Finding(
                path=("message", name, "silence_s"),
                message="would end messages between two words",
                expected="0, or at least 1",
            )


def _surveys(config: Config, broken: Set[Path]) -> Iterator[Finding]:
    for name, survey in config.survey.items():
        if not survey.questions and not survey.comment:
            yield Finding(path=("survey", name), message="asks for nothing", expected="questions, or comment")
    for name, index in survey_names(config.survey):
        path: Path = ("survey", name, "questions", index, "name")
        yield Finding(path=path, message="is the name of another question of this survey")
    for name, queue in config.queue.items():
        if queue.survey and queue.survey not in config.survey and ("survey", queue.survey) not in broken:
            yield Finding(
                path=("queue", name, "survey"),
                message=f"there is no survey {queue.survey!r}",
                expected=f"[survey.{queue.survey}] to be defined",
                did_you_mean=nearest(queue.survey, config.survey),
            )
