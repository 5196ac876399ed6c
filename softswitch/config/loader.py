"""Reads the configuration: the main file and `conf.d/*.toml` beside it, with everything that is wrong in them at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from softswitch.config.calendar_tables import with_calendar_tables
from softswitch.config.crosscheck import crosscheck
from softswitch.config.documents import Document, Documents
from softswitch.config.feed_secrets import read_feed_secrets
from softswitch.config.formats import check_formats
from softswitch.config.problem import ConfigError, Finding, Problem
from softswitch.config.rate_files import with_rates
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.secrets import SecretKey, read_secrets
from softswitch.config.validate import validated
from softswitch.config.voice_secrets import read_voice_secrets

Check = Callable[[Config], Iterable[Finding]]
"""A further check of a valid configuration, from a room that the loader does not know."""

MAX_FILE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    config: Config
    secrets: Mapping[SecretKey, Secret]
    """By `("endpoint", NAME)` and `("trunk", NAME)`; one that has no secret, or none yet, is not in it."""
    warnings: tuple[Problem, ...]
    files: tuple[Path, ...]
    documents: Documents
    """Where each key stands, for problems found later."""


def load(path: Path, checks: Iterable[Check] = ()) -> LoadedConfig:
    """Raises `ConfigError` with all problems."""
    files = _files(path)
    documents, problems = _read(files)
    unreadable = any(not problem.key for problem in problems)
    value, clashes = documents.merged()
    problems += clashes
    valid = validated(value)
    problems += documents.problems(valid.findings)
    if valid.config is None or unreadable:
        raise ConfigError(_ordered(problems, files))
    priced = with_rates(valid.config, documents)
    tabled = with_calendar_tables(priced.config, documents)
    config = tabled.config
    findings = [*priced.findings, *tabled.findings, *check_formats(config), *crosscheck(config, valid.broken)]
    secrets = read_secrets(config, documents)
    read_feed_secrets(config, documents, secrets.found, secrets.findings)
    read_voice_secrets(config, documents, secrets.found, secrets.findings)
    findings += secrets.findings
    if not valid.findings:
        for check in checks:
            findings += _new(check(config), findings)
    wrong = [finding for finding in findings if not finding.warning]
    problems += documents.problems(wrong)
    if problems:
        raise ConfigError(_ordered(problems, files))
    warnings = documents.problems(finding for finding in findings if finding.warning)
    return LoadedConfig(
        config=config,
        secrets=secrets.found,
        warnings=_ordered(warnings, files),
        files=files,
        documents=documents,
    )


def _new(found: Iterable[Finding], known: list[Finding]) -> list[Finding]:
    """Without what another check has said of the same key."""
    paths = {finding.path for finding in known}
    return [finding for finding in found if finding.path not in paths]


def _files(path: Path) -> tuple[Path, ...]:
    return (path, *sorted((path.parent / "conf.d").glob("*.toml")))


def _read(files: tuple[Path, ...]) -> tuple[Documents, list[Problem]]:
    documents: list[Document] = []
    problems: list[Problem] = []
    for file in files:
        try:
            with file.open("rb") as opened:
                content = opened.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            message = f"cannot be read: {error.strerror or error}"
            problems.append(Problem(file=str(file), line=0, key="", message=message))
            content = b""
        if len(content) > MAX_FILE_BYTES:
            message = f"is longer than {MAX_FILE_BYTES >> 20} MiB"
            problems.append(Problem(file=str(file), line=0, key="", message=message))
            content = b""
        document, found = Document.parse(str(file), content)
        documents.append(document)
        problems += found
    return Documents(tuple(documents)), problems


def _ordered(problems: Iterable[Problem], files: tuple[Path, ...]) -> tuple[Problem, ...]:
    place = {str(file): number for number, file in enumerate(files)}
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda problem: (place.get(problem.file, 0), problem.line)))
