"""Prompts by name as the media workers want them: paths of files, and tones by their own names."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import structlog

_log = structlog.get_logger(__name__)


class PromptFinder(Protocol):
    def find(self, name: str, language: str) -> Path | None: ...


def found_prompt(prompts: PromptFinder, name: str, language: str) -> str | None:
    """None: nobody has it."""
    if name.startswith("tone:"):
        return name
    found = prompts.find(name, language)
    return str(found) if found is not None else None


def found_prompts(prompts: PromptFinder, names: Iterable[str], language: str) -> tuple[str, ...]:
    """Names that nobody has are left out, and logged."""
    paths: list[str] = []
    for name in names:
        path = found_prompt(prompts, name, language)
        if path is None:
            _log.warning("prompt not found", prompt=name, language=language)
        else:
            paths.append(path)
    return tuple(paths)
