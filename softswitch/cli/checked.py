"""The configuration with all its checks: the loader's own and those of the rooms that the loader does not know."""

from collections.abc import Iterator
from pathlib import Path

from softswitch.config.loader import LoadedConfig, load
from softswitch.config.problem import Finding
from softswitch.config.problem import Path as KeyPath
from softswitch.config.schema import Config
from softswitch.ivr.check import check_flows
from softswitch.ivr.check_lookups import check_lookups
from softswitch.ivr.fault import KnownNames, Problem
from softswitch.ivr.prompts import PromptLibrary


def load_checked(path: Path) -> LoadedConfig:
    """As `load`, and with what is wrong in flows. Raises `ConfigError` with all problems."""
    return load(path, checks=(check_ivr,))


def check_ivr(config: Config) -> Iterator[Finding]:
    """What is wrong in the flows, and the prompts that neither flows nor anything else will find."""
    prompts = PromptLibrary.of(config.prompts.directory, config.general.language).names()
    for problem in check_flows(config.flow, KnownNames.of(config, prompts)):
        yield Finding(path=_place(problem), message=problem.message, warning=problem.severity == "warning")
    for name, fault in check_lookups(config.lookup):
        where = ("lookup", name, *filter(None, fault.key.split(".", 1)))
        yield Finding(path=where, message=fault.message, warning=fault.severity == "warning")
    for path, prompt in _prompts(config):
        if prompt and prompt not in prompts:
            message = f"there is no prompt {prompt!r}; put {config.general.language}/{prompt}.wav into prompts.directory"
            yield Finding(path=path, message=message)


def _place(problem: Problem) -> KeyPath:
    if not problem.node:
        return ("flow", problem.flow, *filter(None, (problem.key,)))
    return ("flow", problem.flow, "node", problem.node, *filter(None, problem.key.split(".", 1)))


def _prompts(config: Config) -> Iterator[tuple[KeyPath, str]]:
    for name, queue in config.queue.items():
        for key in ("music", "periodic_announce", "agent_announce"):
            yield ("queue", name, key), getattr(queue, key)
    for name, message in config.message.items():
        yield ("message", name, "prompt"), message.prompt
    for name, survey in config.survey.items():
        for key in ("invite", "comment_prompt", "thanks"):
            yield ("survey", name, key), getattr(survey, key)
        for index, question in enumerate(survey.questions):
            yield ("survey", name, "questions", index, "prompt"), question.prompt
    yield ("speech", "music"), config.speech.music
    yield ("speech", "fallback"), config.speech.fallback
    yield ("routing", "unknown_prompt"), config.routing.unknown_prompt
    targets = [
        (("route", number, key), getattr(route, key))
        for number, route in config.route.items()
        for key in ("to", "otherwise")
    ]
    for name, queue in config.queue.items():
        targets += [
            (("queue", name, key), getattr(queue, key)) for key in ("on_timeout", "on_full", "on_empty")
        ]
    for path, target in targets:
        yield path, target.removeprefix("play:") if target.startswith("play:") else ""
