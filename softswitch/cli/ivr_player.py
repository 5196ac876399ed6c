"""Plays a flow in the terminal for `softswitch ivr try`: who calls and when, what is typed, what is looked up."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click
import soundfile  # type: ignore[import-untyped]

from softswitch.call.flow_context import lookup_names
from softswitch.call.opening import opening, parse_calendars
from softswitch.call.people import people
from softswitch.cli.options import Failure
from softswitch.cli.output import show
from softswitch.config.loader import LoadedConfig
from softswitch.ivr import actions
from softswitch.ivr.actions import FlowContext, LookedUp, LookUp, Returned
from softswitch.ivr.lookup import values_of
from softswitch.ivr.lookups import Lookups
from softswitch.ivr.prompts import PromptLibrary
from softswitch.ivr.trial import PROMPT_S, Trial
from softswitch.ivr.voice_actions import AskAnswer, Heard

MAX_TURNS = 500
"""Inputs after which a flow that does not end is left."""
_MARKS = {
    "node": "●",
    "why": "  because",
    "play": "  ♪",
    "key": "  ⌨",
    "time": "  ⏱",
    "lookup": "  ?",
    "end": "■",
}
_RESULTS = {
    actions.Dial: ("busy", "no-answer", "failed"),
    actions.RecordMessage: ("recorded", "empty"),
}


def prompt_lengths(loaded: LoadedConfig) -> Callable[[str, str], float]:
    config = loaded.config
    library = PromptLibrary.of(config.prompts.directory, config.general.language)

    def length(name: str, language: str) -> float:
        path = library.find(name, language)
        return round(soundfile.info(str(path)).duration, 1) if path is not None else PROMPT_S

    return length


class Caller:
    """What the flow is told of the caller and the moment."""

    def __init__(
        self, loaded: LoadedConfig, moment: float, caller: Mapping[str, str], headers: Mapping[str, str]
    ) -> None:
        self._config = loaded.config
        self._began = datetime.fromtimestamp(moment, tz=UTC)
        self._caller = caller
        allowed = {name.lower() for name in loaded.config.routing.flow_headers}
        self._headers = {name: value for name, value in headers.items() if name in allowed}
        self._calendars = parse_calendars(loaded.config)
        self._people = people(loaded.config)
        self._parameters, self._results = lookup_names(loaded.config)

    def context_at(self, seconds: float) -> FlowContext:
        now = self._began + timedelta(seconds=seconds)
        local = now.astimezone(ZoneInfo(self._config.general.timezone))
        state = opening(self._calendars, now)
        return FlowContext(
            ani=self._caller["ani"],
            dnis=self._caller["dnis"],
            caller_name=self._caller["name"],
            source=self._caller["source"],
            open=state.open,
            holiday=state.holiday,
            reasons={name: hours.why(now) for name, hours in self._calendars.items()},
            local_time=(local.hour, local.minute),
            local_date=(local.year, local.month, local.day),
            weekday=local.weekday(),
            queues=self._config.queue.keys(),
            lookups=self._parameters,
            results=self._results,
            people=self._people,
            headers=self._headers,
        )


class Player:
    def __init__(
        self, trial: Trial, loaded: LoadedConfig, fakes: Mapping[str, str], script: str | None, *, quiet: bool
    ) -> None:
        self._trial = trial
        self._loaded = loaded
        self._fakes = fakes
        self._script = script.split(",") if script is not None else []
        self._typed = script is None and not quiet
        self._quiet = quiet
        self._shown = 0

    def play(self) -> None:
        trial = self._trial
        trial.start()
        for _ in range(MAX_TURNS):
            self._show()
            if trial.over:
                return
            if isinstance(trial.asked, LookUp):
                trial.answer(self._look_up(trial.asked))
            else:
                self._turn(self._next_input())
        raise Failure(f"the flow has not ended after {MAX_TURNS} turns")

    def _turn(self, typed: str) -> None:
        trial = self._trial
        if isinstance(trial.asked, AskAnswer):
            trial.answer(Heard(text=typed))
            return
        if trial.asked is not None:
            results = _RESULTS.get(type(trial.asked), ())
            if typed and typed not in results:
                raise Failure(f"{typed!r} is no result of that", f"expected {', '.join(results)}")
            trial.answer(Returned(result=typed or results[-1]))
            return
        if not typed:
            trial.pass_time()
            return
        try:
            for digit in typed:
                if not trial.over:
                    trial.key(digit)
        except ValueError as error:
            if not self._typed:
                raise Failure(str(error)) from None
            show(str(error))

    def _next_input(self) -> str:
        """What was written down beforehand, then what is typed; where nobody types, silence."""
        if self._script:
            return self._script.pop(0).strip()
        if not self._typed:
            return ""
        asked = _RESULTS.get(type(self._trial.asked), ())
        hint = "/".join(asked) if asked else "keys, or Enter to wait"
        click.echo(f"  {hint}> ", nl=False)
        line = sys.stdin.readline()
        if not line:
            self._typed = False
        return line.strip()

    def _look_up(self, asked: LookUp) -> LookedUp:
        lookup = self._loaded.config.lookup.get(asked.lookup)
        if lookup is None:
            return LookedUp(answer="error", problem="there is no such lookup")
        fake = self._fakes.get(asked.lookup)
        if fake is None:
            return asyncio.run(self._really(asked))
        if fake in ("none", "timeout", "error"):
            return LookedUp(answer=fake, problem="" if fake == "none" else "faked")  # type: ignore[arg-type]
        try:
            answer = json.loads(fake)
        except ValueError:
            raise Failure(
                f"--lookup {asked.lookup}: {fake!r} is neither none, timeout, error nor JSON"
            ) from None
        values = values_of(lookup, answer)
        return LookedUp(answer="found" if values else "none", values=values)

    async def _really(self, asked: LookUp) -> LookedUp:
        lookups = Lookups()
        try:
            secret = self._loaded.secrets.get(("lookup", asked.lookup))
            lookup = self._loaded.config.lookup[asked.lookup]
            return await lookups.ask(asked.lookup, lookup, asked.parameters, secret)
        finally:
            await lookups.close()

    def _show(self) -> None:
        lines, self._shown = self._trial.lines[self._shown :], len(self._trial.lines)
        if not self._quiet:
            for line in lines:
                show(f"{line.at:7.1f}  {_MARKS[line.kind]} {line.text}")
