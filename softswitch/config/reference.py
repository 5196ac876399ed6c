"""Makes `docs/configuration.md` from the schema: `python -m softswitch.config.reference > docs/configuration.md`.

Reads the sources of `schema.py` and what it imports with `ast`, because the docstring under a field is not kept at run
time.
"""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

_SOURCES = (
    "schema.py",
    "callback.py",
    "credentials.py",
    "endpoints.py",
    "features.py",
    "feeds.py",
    "flow.py",
    "general.py",
    "language_node.py",
    "lookups.py",
    "matching.py",
    "media.py",
    "prompts.py",
    "queues.py",
    "recording.py",
    "rights.py",
    "routes.py",
    "security.py",
    "sip.py",
    "subflows.py",
    "subscriptions.py",
    "teams.py",
    "tracing.py",
    "transports.py",
    "trunks.py",
    "voice.py",
    "voice_nodes.py",
)
_UNITS = {"_ms": "milliseconds", "_s": "seconds", "_mb": "MiB", "_bytes": "bytes"}
_SECONDS = {"timeout", "wrapuptime", "max_wait", "servicelevel", "announce_frequency"}
"""Keys named as in Asterisk, where seconds go without saying."""
_HEAD = """# Configuration

Made from the schema by `python -m softswitch.config.reference`; do not edit.

The switch reads one TOML file (`softswitch run --config FILE`) and every `conf.d/*.toml` beside it; a key stands in one
file only. `softswitch config check` tells everything that is wrong, with file and line. `softswitch reload` (or SIGHUP)
takes changes over without touching calls. Keys may be written with dashes, `announce-frequency`.

Where a call goes is written as a *target*: `flow:NAME`, `queue:NAME`, `extension:NAME`, `agent:NAME`, `trunk:NAME` (a
trunk or a group of trunks; same number), `trunk:NAME/NUMBER`, `lcr:NAME` (the cheapest trunk), `conference:NAME`,
`message:NAME`, `play:PROMPT`, `hangup`, `hangup:busy`, `hangup:congestion`, `hangup:unknown`, `hangup:declined`.
"""


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    type: str
    default: str
    """As in TOML; empty: the key must be given."""
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    text: str
    keys: tuple[Key, ...]


def tables() -> dict[str, Table]:
    """Every dataclass of the schema by name."""
    found: dict[str, Table] = {}
    trees = [ast.parse((Path(__file__).parent / source).read_text()) for source in _SOURCES]
    aliases = {
        node.targets[0].id: ast.unparse(node.value)
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = _table(node, aliases)
    return found


def _table(node: ast.ClassDef, aliases: dict[str, str]) -> Table:
    keys: list[Key] = []
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        text = ""
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            text = " ".join(str(after.value.value).split())
        keys.append(
            Key(
                field.target.id,
                _type(field.annotation, aliases),
                _default(field.value),
                text + _unit(field.target.id, text),
            )
        )
    if keys and keys[0].name == "do":
        keys[0] = Key("do", keys[0].type, "", "The kind of this node.")
    return Table(node.name, ast.get_docstring(node) or "", tuple(keys))


def _unit(name: str, text: str) -> str:
    unit = (
        "seconds"
        if name in _SECONDS
        else next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    )
    return f" In {unit}." if unit and unit.rstrip("s") not in text.lower() else ""


_PLAIN_TYPES = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}


def _type(node: ast.expr, aliases: dict[str, str]) -> str:
    match node:
        case ast.Name(id=name) if name in _PLAIN_TYPES:
            return _PLAIN_TYPES[name]
        case ast.Name(id=name) if name in aliases:
            return _type(ast.parse(aliases[name], mode="eval").body, aliases)
        case ast.Name(id=name):
            return f"table [{name}](#{name.lower()})"
        case ast.BinOp(left=left, right=ast.Constant(value=None)):
            return _type(left, aliases)
        case ast.BinOp(left=left, right=right):
            return f"{_type(left, aliases)} or {_type(right, aliases)}"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=words):
            each = words.elts if isinstance(words, ast.Tuple) else [words]
            return ", ".join(_toml(word) for word in each)
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[first, *_])):
            return _type(first, aliases)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[first, *_])):
            return f"list of {_type(first, aliases)}"
        case ast.Subscript(value=ast.Name(id="Mapping"), slice=ast.Tuple(elts=[_, value])):
            return f"table of {_type(value, aliases)}"
    return ast.unparse(node)


def _default(node: ast.expr | None) -> str:
    match node:
        case None:
            return ""
        case ast.Constant(value=None):
            return "not set"
        case ast.Call(
            func=ast.Name(id="field"), keywords=[ast.keyword(arg="default_factory", value=ast.Name(id=made))]
        ):
            return "{}" if made == "dict" else "its defaults"
        case ast.Call(func=ast.Name(id="field"), keywords=[ast.keyword(arg="default", value=value), *_]):
            return _default(value)
    return _toml(node)


def _toml(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=bool(value)):
            return "true" if value else "false"
        case ast.Constant(value=str(value)):
            return f'"{value}"'
        case ast.Tuple(elts=elements):
            return "[" + ", ".join(_toml(element) for element in elements) + "]"
    return ast.unparse(node)


def _section_of(table: Table, key: Key) -> tuple[str, str]:
    """Heading of a top-level key and the class that describes it."""
    named = key.type.startswith("table of ")
    target = key.type.removeprefix("table of ").removeprefix("table [").split("]")[0]
    return (f"[{key.name}.NAME]" if named else f"[{key.name}]"), target


def reference() -> str:
    """The whole page."""
    known = tables()
    lines = [_HEAD]
    told: set[str] = {"Config"}
    for key in known["Config"].keys:
        heading, name = _section_of(known["Config"], key)
        lines += _described(heading, known[name])
        told.add(name)
    lines += ["## Tables within tables", ""]
    lines += [
        line for name, table in known.items() if name not in told for line in _described(name, table, "###")
    ]
    return "\n".join(lines).rstrip() + "\n"


def _described(heading: str, table: Table, mark: str = "##") -> list[str]:
    anchor = [f'<a id="{table.name.lower()}"></a>', ""]
    lines = [*anchor, f"{mark} {f'`{heading}`' if heading.startswith('[') else heading}", ""]
    if table.text:
        lines += [" ".join(table.text.split()), ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key in table.keys:
        default = f"`{key.default}`" if key.default else "**must be given**"
        cells = (f"`{key.name}`", key.type, default, key.text)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [*lines, ""]


if __name__ == "__main__":
    sys.stdout.write(reference())
