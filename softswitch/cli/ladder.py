"""The ladder of a call in the terminal, made of what the control API tells of its messages."""

from collections.abc import Mapping, Sequence
from typing import Any

from softswitch.cli.client import Client
from softswitch.cli.output import console, show, show_json
from softswitch.trace.ladder import Party, Step, draw

PIPE_WIDTH = 0


def show_ladder(client: Client, call: str, as_json: bool) -> None:
    view = client.get("calls", call, "messages")
    if as_json:
        show_json(view)
        return
    for line in ladder_lines(view, _width()):
        show(line)
    if view["kept"]:
        show("(kept on disk, since this call failed)")


def ladder_lines(view: Mapping[str, Any], widest: int = 0) -> list[str]:
    """`view`: a `CallTraceView` as JSON."""
    messages = view["messages"]
    return draw(_parties(messages), _steps(messages), view["left_out"], widest)


def column_of(message: Mapping[str, Any]) -> str:
    """A leg has one column; a phone rung at several contacts has one for each."""
    return f"{message['party']} {message['sip_call_id']}"


def _parties(messages: Sequence[Mapping[str, Any]]) -> list[Party]:
    """The one whose message came first stands left: he is the caller."""
    found: dict[str, Party] = {}
    for message in messages:
        host, port = message["peer"]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        names = (message["party"] or place, f"{place} {message['transport'].upper()}")
        found.setdefault(column_of(message), Party(key=column_of(message), labels=names))
    return list(found.values())


def _steps(messages: Sequence[Mapping[str, Any]]) -> list[Step]:
    seen: set[tuple[object, ...]] = set()
    steps = []
    for message in messages:
        same = (message["outgoing"], *message["peer"], message["text"])
        steps.append(
            Step(
                at=message["at"],
                outgoing=message["outgoing"],
                party=column_of(message),
                line=message["line"],
                facts=message["facts"],
                repeated=same in seen,
            )
        )
        seen.add(same)
    return steps


def _width() -> int:
    out = console()
    return out.width if out.is_terminal else PIPE_WIDTH
