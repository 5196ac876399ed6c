"""How a number would be routed, told in plain words without calling anybody: the very functions that route calls, asked
with open eyes."""

from collections.abc import Mapping
from dataclasses import dataclass

from softswitch.call.numbering import rules_for, to_e164
from softswitch.call.routing import Asked, Routed, rewritten, route
from softswitch.call.services import Services
from softswitch.call.toll_guard import TollRefusal
from softswitch.call.trunk_plan import Candidate, TrunkPlan
from softswitch.config.schema import Config
from softswitch.config.target import OUTWARD
from softswitch.ids import TrunkName


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    asked: Asked
    routed: Routed | None
    plan: TrunkPlan | None
    """None for what does not lead out."""
    refusal: TollRefusal | None
    problems: Mapping[str, str]
    """Trunks of the plan that would be passed over now, and why."""
    words: tuple[str, ...]


def tested_route(
    services: Services, is_open: Mapping[str, bool], number: str, kind: str, name: str
) -> Tested:
    """`name` `*` is any phone."""
    config = services.config
    words = [f"{kind} {name} calls {number}" if name != "*" else f"any phone calls {number}"]
    called = number
    trunk = config.trunk.get(name) if kind == "trunk" else None
    if trunk is not None:
        called = to_e164(rewritten(number, trunk.rewrite_in), rules_for(config, kind, name))
        if called != number:
            words.append(f"its number is read as {called}")
    asked = Asked(number=called, ani=name, kind=kind, name=name)
    routed = route(config, asked, is_open)
    words.append(_route_words(config, routed, is_open))
    if routed is None or routed.feature or routed.target.kind not in OUTWARD:
        return Tested(asked=asked, routed=routed, plan=None, refusal=None, problems={}, words=tuple(words))
    source = f"{kind}:{name}"
    dialled = routed.target.argument or routed.dialled or called
    plan = services.trunking.plan(config, services.calendars, routed.target, dialled, source, looking=True)
    words.append(f"the number is {dialled}" + (f", {plan.e164} in E.164" if plan.e164 != dialled else ""))
    refusal = None
    if config.toll.enabled:
        now = services.clock.wall()
        refusal = services.trunking.guard.judge(config, source, plan.e164, now)
        words.append(f"the toll guard refuses: {refusal.words}" if refusal else "the toll guard lets it out")
    problems = {
        each.trunk: problem for each in plan.candidates if (problem := _problem(services, each.trunk))
    }
    words += _plan_words(config, plan, problems)
    return Tested(
        asked=asked, routed=routed, plan=plan, refusal=refusal, problems=problems, words=tuple(words)
    )


def outgoing_number(config: Config, candidate: Candidate) -> str:
    """As it leaves."""
    return rewritten(candidate.number, config.trunk[candidate.trunk].rewrite_out)


def _route_words(config: Config, routed: Routed | None, is_open: Mapping[str, bool]) -> str:
    if routed is None:
        return "no route takes it: the caller gets 404"
    if routed.feature:
        return f"it is the feature code of {routed.feature}"
    if routed.route == "extension":
        return f"it is the extension of a phone: {routed.target}"
    chosen = config.route[routed.route]
    closed = chosen.when and not is_open.get(chosen.when, True)
    hours = (
        f", as {chosen.when} is closed" if closed else f", as {chosen.when} is open" if chosen.when else ""
    )
    changed = f", strip {chosen.strip}, prepend {chosen.prepend or 'nothing'}"
    return f"route {routed.route} leads to {routed.target}{hours}" + (
        changed if chosen.strip or chosen.prepend else ""
    )


def _plan_words(config: Config, plan: TrunkPlan, problems: Mapping[str, str]) -> list[str]:
    if not plan.candidates:
        return ["no trunk leads there: the caller gets 503"]
    words = []
    for place, each in enumerate(plan.candidates, 1):
        problem = problems.get(each.trunk)
        number = outgoing_number(config, each)
        state = f"passed over: {problem}" if problem else f"with {number}"
        words.append(f"{place}. trunk {each.trunk} ({each.why}), {state}")
    if len(plan.candidates) > 1:
        causes = ", ".join(plan.failover_on) or "nothing"
        words.append(f"at most {plan.attempts} are tried; the next one after {causes} or no answer at all")
    return words


def _problem(services: Services, name: str) -> str:
    trunk = services.config.trunk[name]
    if trunk.max_channels and services.lines.busy(f"trunk:{name}") >= trunk.max_channels:
        return f"all {trunk.max_channels} channels are taken"
    if not services.sip.trunk_is_up(TrunkName(name)):
        return "it is down"
    if services.sip.trunk_is_silent(TrunkName(name)):
        return "it did not answer lately, and is tried last"
    return ""
