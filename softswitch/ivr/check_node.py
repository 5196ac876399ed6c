"""What one node says of the world outside its flow: prompts, queues, calendars, boxes, targets, values."""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from functools import partial

from softswitch.config.flow import (
    Branch,
    Collect,
    Dial,
    Enqueue,
    Menu,
    Node,
    Play,
    Record,
    Say,
    Transfer,
    prompt_names,
)
from softswitch.config.subflows import Call
from softswitch.config.target import Target
from softswitch.ivr.fault import Fault, KnownNames, suggestion
from softswitch.ivr.kinds import KINDS
from softswitch.ivr.say import LANGUAGES, UnspeakableError, value_prompts
from softswitch.ivr.values import case_pattern

_FIXED_CASES = {"hours": {"open", "closed", "holiday"}, "holiday": {"yes", "no"}, "language": set(LANGUAGES)}


def check_node(node: Node, known: KnownNames, flows: AbstractSet[str]) -> Iterator[Fault]:
    """`flows`: names of all flows. Variables and expressions are `check_scope.py`'s."""
    yield from _prompts(node, known)
    match node:
        case Say():
            yield from _say(node)
        case Menu() if not node.keys:
            yield Fault("keys", "a menu needs at least one key that leads somewhere")
        case Collect():
            yield from _collect(node)
        case Branch():
            yield from _branch(node, known)
        case Enqueue() if "{" in node.queue:
            if not node.on_unknown:
                yield Fault("on_unknown", "a caller for whom no queue comes out is hung up", "warning")
        case Enqueue():
            yield from _known("queue", "queue", node.queue, known.queues)
        case Record():
            yield from _known("box", "message box", node.box, known.boxes)
        case Dial():
            yield from _dial(node, known)
        case Transfer():
            yield from _target(node.target, known, flows)
        case Call():
            yield from _known("flow", "flow", node.flow, flows)
        case _ if type(node) in KINDS:
            yield from KINDS[type(node)].check(node, known)


def _known(key: str, kind: str, name: str, known: AbstractSet[str]) -> Iterator[Fault]:
    if name not in known:
        yield Fault(key, f"there is no {kind} {name!r}{suggestion(name, known)}")


def _prompts(node: Node, known: KnownNames) -> Iterator[Fault]:
    if isinstance(node, Play | Menu | Collect):
        for name in prompt_names(node.prompt):
            yield from _known("prompt", "prompt", name, known.prompts)
    if isinstance(node, Play) and not prompt_names(node.prompt):
        yield Fault("prompt", "nothing to play")
    if isinstance(node, Menu | Collect) and node.on_invalid:
        yield from _known("on_invalid", "prompt", node.on_invalid, known.prompts)


def _say(say: Say) -> Iterator[Fault]:
    if say.value and say.variable:
        yield Fault("variable", "`value` is given too, and counts; keep one of them")
    elif say.variable or "{" in say.value:
        return
    elif say.value:
        try:
            spoken = value_prompts(say.what, say.value, "en")
        except UnspeakableError as error:
            yield Fault("value", str(error))
        else:
            if not spoken:
                yield Fault("value", f"{say.value!r} has nothing to say")
    elif say.what not in ("time", "date"):
        yield Fault("value", f"{say.what} of what? give `value` or `variable`")


def _collect(collect: Collect) -> Iterator[Fault]:
    low, high = collect.min_digits, collect.max_digits
    if low > high:
        yield Fault("min_digits", f"{low} is more than max_digits, {high}: no input would be valid")
    for length in collect.length:
        if not low <= length <= high:
            yield Fault("length", f"{length} is not between min_digits, {low}, and max_digits, {high}")
    for prefix in collect.allowed:
        if not prefix or not set(prefix) <= set("0123456789*#ABCD") or len(prefix) > high:
            yield Fault("allowed", f"{prefix!r} is not what {high} digits can begin with")


def _branch(branch: Branch, known: KnownNames) -> Iterator[Fault]:
    if branch.on in ("hours", "holiday"):
        yield from _known("calendar", "calendar", branch.calendar, known.calendars)
    fixed = _FIXED_CASES.get(branch.on)
    for case in branch.cases:
        if branch.on == "condition":
            continue
        if fixed is None:
            yield from _attempt(f"cases.{case}", partial(case_pattern, case))
        elif case not in fixed:
            expected = ", ".join(sorted(fixed))
            yield Fault(f"cases.{case}", f"{branch.on} is never {case!r}; expected {expected}")
    if not branch.cases:
        yield Fault("cases", "without cases every call takes the default", "warning")


def _attempt(key: str, parse: Callable[[], object]) -> Iterator[Fault]:
    try:
        parse()
    except ValueError as error:
        yield Fault(key, str(error))


def _dial(dial: Dial, known: KnownNames) -> Iterator[Fault]:
    if "{" in dial.target:
        if not dial.target.startswith("extension:"):
            yield Fault(
                "target",
                "only extension:{variable} takes a variable: a caller must not choose what a trunk dials",
            )
        return
    if not dial.target.startswith(("extension:", "trunk:", "agent:")):
        yield Fault("target", f"{dial.target!r} does not ring; use `transfer` for it")
    yield from _target(dial.target, known, frozenset())


def _target(text: str, known: KnownNames, flows: AbstractSet[str]) -> Iterator[Fault]:
    try:
        target = Target.parse(text)
    except ValueError as error:
        yield Fault("target", str(error))
        return
    kinds: dict[str, tuple[str, AbstractSet[str]]] = {
        "flow": ("flow", flows),
        "queue": ("queue", known.queues),
        "extension": ("endpoint", known.endpoints),
        "trunk": ("trunk", known.trunks),
        "message": ("message box", known.boxes),
        "play": ("prompt", known.prompts),
        "agent": ("agent", known.agents),
        "conference": ("conference", known.conferences),
    }
    if target.kind in kinds:
        kind, names = kinds[target.kind]
        yield from _known("target", kind, target.name, names)
