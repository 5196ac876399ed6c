"""Proves that the reference and the sample keep step with the schema: every key is in both, what the sample gives as a
default is the default, and the sample loads.

Does not prove that the words are right; those are the docstrings of the schema.
"""

import re
import tomllib
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from softswitch.config import flow
from softswitch.config.loader import load
from softswitch.config.reference import reference, tables
from softswitch.config.schema import Config
from softswitch.config.shape import element_of, fields_of, table_for, tables_of

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "config/softswitch.toml"
COMMENTED = re.compile(r"^# ([a-z][a-z0-9_]*) = (.+)$")


def uncommented() -> list[tuple[type, str, Any, bool]]:
    """Each key of the sample: its table's class, its name, its value, and whether it is commented out."""
    found: list[tuple[type, str, Any, bool]] = []
    table: type | None = None
    for line in SAMPLE.read_text().splitlines():
        if line.startswith("["):
            table = class_of(parts_of(line), SAMPLE.read_text())
        match = COMMENTED.match(line)
        if match and table is not None:
            found.append((table, match[1], tomllib.loads(f"v = {match[2]}")["v"], True))
    collect(Config, tomllib.loads(SAMPLE.read_text()), found)
    return found


def parts_of(header: str) -> list[str]:
    parts: list[str] = []
    node = tomllib.loads(header)
    while node:
        (key, node), *_ = node.items()
        parts.append(key)
    return parts


def class_of(parts: list[str], text: str) -> type | None:
    value: Any = tomllib.loads(text)
    kind: Any = Config
    for part in parts:
        value = value[part]
        kind = fields_of(table_for(kind, {}) or kind)[part] if len(tables_of(kind)) == 1 else element_of(kind)
    return table_for(kind, value)


def collect(kind: Any, value: Any, found: list[tuple[type, str, Any, bool]]) -> None:
    if isinstance(value, list):
        for item in value:
            collect(element_of(kind), item, found)
    elif isinstance(value, dict):
        table = table_for(kind, value)
        for key, item in value.items():
            if table is not None:
                found.append((table, key, item, False))
            collect(fields_of(table)[key] if table else element_of(kind), item, found)


def every_class(kind: Any = Config) -> set[type]:
    found: set[type] = set()
    for table in tables_of(kind):
        found.add(table)
        for inner in fields_of(table).values():
            found |= every_class(inner)
    element = element_of(kind)
    return found | every_class(element) if element is not None else found


def default_of(field: Field[Any]) -> Any:
    value = field.default_factory() if field.default_factory is not MISSING else field.default
    return list(value) if isinstance(value, tuple) else value


def test_every_class_of_the_schema_is_known_to_these_tests() -> None:
    assert {table.__name__ for table in every_class()} == set(tables())
    assert flow.Menu in every_class()


def test_every_key_stands_in_the_sample() -> None:
    present = {(table, key) for table, key, _, _ in uncommented()}
    missing = [
        f"{table.__name__}.{field.name}"
        for table in every_class()
        for field in fields(table)
        if (table, field.name) not in present
    ]
    assert not missing, missing


def test_what_the_sample_gives_as_default_is_the_default() -> None:
    wrong = []
    for table, key, value, commented in uncommented():
        field = next((field for field in fields(table) if field.name == key), None)
        assert field is not None, f"{table.__name__} has no key {key}"
        default = default_of(field)
        if commented and default is not None and value != default:
            wrong.append(f"{table.__name__}.{key}: sample {value!r}, schema {default!r}")
    assert not wrong, wrong


def test_the_sample_loads_and_is_the_company_it_says(tmp_path: Path) -> None:
    file = tmp_path / "softswitch.toml"
    file.write_text(SAMPLE.read_text())
    (tmp_path / "secrets").mkdir()
    for name in (*map(str, range(1001, 1010)), "south"):
        secret = tmp_path / "secrets" / name
        secret.touch(mode=0o600)
        secret.write_text(f"password of {name}\n")
    loaded = load(file)
    assert loaded.warnings == ()
    config = loaded.config
    assert (len(config.trunk), len(config.endpoint), len(config.queue), len(config.calendar)) == (2, 10, 3, 1)
    assert len(loaded.secrets) == 10


def test_no_password_is_shipped() -> None:
    text = SAMPLE.read_text()
    assert not re.search(r"^\s*(secret|ha1_md5|ha1_sha256)\s*=", text, re.MULTILINE)
    assert not (ROOT / "config/secrets").exists() or "config/secrets" in (ROOT / ".gitignore").read_text()


def test_the_reference_is_up_to_date() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == reference(), "run: make docs"


def test_every_key_has_its_line_in_the_reference() -> None:
    page = reference()
    for name, table in tables().items():
        for key in table.keys if name != "Config" else ():
            assert f"| `{key.name}` |" in page, f"{name}.{key.name}"
            assert key.text, f"{name}.{key.name} has no docstring"
