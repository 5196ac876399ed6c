"""`softswitch config`: what is wrong in the files, and what they say with all defaults."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from softswitch.cli.config_import import import_config
from softswitch.cli.options import EXIT_FAILED, Place, json_option, place_options
from softswitch.cli.output import show, show_json
from softswitch.cli.place import default_config
from softswitch.config.problem import ConfigError, Problem, key_of

_HIDDEN = {"secret", "ha1_md5", "ha1_sha256", "pin"}
_FILE = click.Path(path_type=Path)


@click.group()
def config() -> None:
    """Check and show the configuration."""


@config.command()
@click.argument("path", type=_FILE, required=False)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@json_option
@place_options
@click.pass_context
def check(context: click.Context, path: Path | None, strict: bool, as_json: bool) -> None:
    """Tell everything that is wrong, with file and line; exit status 1 when something is."""
    from softswitch.cli.checked import (
        load_checked,
    )  # brings pydantic and the speech rules: not for other commands

    file = path or context.ensure_object(Place).config or default_config()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = (file,)
    try:
        loaded = load_checked(file)
        warnings, files = loaded.warnings, loaded.files
    except ConfigError as error:
        problems = error.problems
    if as_json:
        show_json(
            {"problems": [asdict(each) for each in problems], "warnings": [asdict(each) for each in warnings]}
        )
    else:
        for problem in problems:
            show(str(problem))
        for warning in warnings:
            show(f"warning: {warning}")
        show(_summary(files, len(problems), len(warnings)))
    if problems or (strict and warnings):
        raise click.exceptions.Exit(EXIT_FAILED)


def _summary(files: tuple[Path, ...], problems: int, warnings: int) -> str:
    if problems:
        return f"{problems} {'problem' if problems == 1 else 'problems'}; the switch would not start with it"
    names = ", ".join(str(file) for file in files)
    also = f", {warnings} {'warning' if warnings == 1 else 'warnings'}" if warnings else ""
    return f"{names}: no problems{also}"


config.add_command(import_config)


@config.command("show")
@click.argument("path", type=_FILE, required=False)
@json_option
@place_options
@click.pass_context
def show_config(context: click.Context, path: Path | None, as_json: bool) -> None:
    """Show every key with its value, defaults filled in; secrets are hidden."""
    from softswitch.cli.checked import load_checked
    from softswitch.cli.options import Failure

    file = path or context.ensure_object(Place).config or default_config()
    try:
        value = _hide(asdict(load_checked(file).config))
    except ConfigError as error:
        raise Failure(str(error)) from None
    if as_json:
        show_json(value)
        return
    for line in _lines(value, ()):
        show(line)


def _hide(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "(hidden)" if key in _HIDDEN and item else _hide(item) for key, item in value.items()}
    return value


def _lines(value: dict[str, Any], path: tuple[str | int, ...]) -> list[str]:
    """One `key = value` a line, as it could stand in a file."""
    lines: list[str] = []
    for key, item in value.items():
        here = (*path, key)
        if isinstance(item, dict) and item:
            lines += _lines(item, here)
        elif item is not None:
            lines.append(f"{key_of(here)} = {_toml(item)}")
    return lines


def _toml(item: Any) -> str:
    match item:
        case bool():
            return "true" if item else "false"
        case str():
            return '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list() | tuple():
            return "[" + ", ".join(_toml(each) for each in item) + "]"
        case dict():
            pairs = (f"{key_of((key,))} = {_toml(each)}" for key, each in item.items() if each is not None)
            return "{ " + ", ".join(pairs) + " }" if item else "{}"
    return str(item)
