"""Where prompts are: files by language and name, those of the user before those shipped. A shell: it reads folders.

A folder of prompts has `LANGUAGE/NAME.*` and, for what needs no language (music), `NAME.*` beside the languages. The
folders are read once; a reload makes a new library. Names are looked up, never joined to a path, and a link that leads
out of its folder is not followed, so no name reaches a file elsewhere.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import soundfile  # type: ignore[import-untyped]

import softswitch

SHIPPED = Path(softswitch.__file__).parent / "prompts"
"""Folder of the prompts that come with the package."""
LAST_LANGUAGE = "en"
MAX_FILES = 20_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_LANGUAGE = re.compile(r"[a-z]{2}(-[A-Za-z0-9]{2,8})?")
_EXTENSIONS = (
    "wav",
    "flac",
    "ogg",
    "oga",
    "opus",
    "mp3",
    "aiff",
    "aif",
    "aifc",
    "au",
    "snd",
    "caf",
    "w64",
    "rf64",
    "gsm",
)
"""Of files with one name, the extension that stands first here is taken."""


class PromptLibrary:
    """Finds a prompt's file for a language."""

    def __init__(self, directories: tuple[Path, ...], languages: tuple[str, ...] = ()) -> None:
        """`directories`: the first that has a file wins. `languages`: those tried after the one asked for."""
        self.directories = directories
        self.languages = tuple(dict.fromkeys((*languages, LAST_LANGUAGE)))
        self._problems: list[str] = []
        self._files: dict[tuple[str, str], Path] = {}
        for directory in directories:
            for key, path in self._read(directory).items():
                self._files.setdefault(key, path)

    @classmethod
    def of(cls, directory: str, language: str) -> "PromptLibrary":
        """The user's folder (empty: none) before the one shipped; `language` is the switch's own."""
        own = (Path(directory),) if directory else ()
        return cls((*own, SHIPPED), (language,))

    def find(self, name: str, language: str) -> Path | None:
        """In `language`, else without language, else in the other languages."""
        for candidate in (language, "", *self.languages):
            path = self._files.get((candidate, name))
            if path is not None:
                return path
        return None

    def names(self, language: str | None = None) -> frozenset[str]:
        """Names that have a file: of one language (or none needed), or of any."""
        return frozenset(name for tongue, name in self._files if language is None or tongue in ("", language))

    def missing(self, names: Iterable[str], language: str | None = None) -> tuple[str, ...]:
        """Those of `names` without a file in any language; with `language`: in that one."""
        known = self.names(language)
        return tuple(dict.fromkeys(name for name in names if name not in known))

    def problems(self) -> tuple[str, ...]:
        """What cannot be used, and what to do about it: folders, links, and files that are no sound."""
        found = list(self._problems)
        for path in self._files.values():
            try:
                if soundfile.info(str(path)).frames == 0:
                    found.append(f"prompt {path} is empty; record it anew or remove it")
            except (soundfile.SoundFileError, OSError) as error:
                found.append(
                    f"prompt {path} cannot be read as sound ({error}); convert it, for example to WAV"
                )
        return tuple(found)

    def _read(self, directory: Path) -> dict[tuple[str, str], Path]:
        """(language, name) to file, for one folder."""
        try:
            root = directory.resolve(strict=True)
            entries = sorted(root.iterdir())
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._problems.append(
                f"prompt folder {directory}: {reason}; make it, or change prompts.directory"
            )
            return {}
        files = self._sounds(root, root, entries)
        found = {("", name): path for name, path in files.items()}
        for folder in entries:
            if not folder.is_dir() or folder.name.startswith("."):
                continue
            if _LANGUAGE.fullmatch(folder.name) is None:
                self._problems.append(
                    f"prompt folder {folder} is not named for a language (en, es, ro); it is not used"
                )
                continue
            try:
                inside = sorted(folder.iterdir())
            except OSError as error:
                self._problems.append(
                    f"prompt folder {folder}: {error.strerror}; let the switch's user read it"
                )
                continue
            found |= {(folder.name, name): path for name, path in self._sounds(root, folder, inside).items()}
        return found

    def _sounds(self, root: Path, folder: Path, entries: list[Path]) -> dict[str, Path]:
        chosen: dict[str, tuple[int, Path]] = {}
        home = folder.resolve()
        if len(entries) > MAX_FILES:
            self._problems.append(
                f"prompt folder {folder} has more than {MAX_FILES} files; the rest is not used"
            )
        for path in entries[:MAX_FILES]:
            extension = path.suffix.lower().removeprefix(".")
            if extension not in _EXTENSIONS:
                continue
            if _NAME.fullmatch(path.stem) is None:
                self._problems.append(f"prompt {path}: a name has letters, digits, - and _ only; rename it")
                continue
            real = path.resolve() if path.is_symlink() else home / path.name
            if not real.is_file() or not real.is_relative_to(root):
                self._problems.append(
                    f"prompt {path} leads out of {root}; copy the file there instead of linking it"
                )
                continue
            rank = _EXTENSIONS.index(extension)
            if path.stem not in chosen or rank < chosen[path.stem][0]:
                chosen[path.stem] = (rank, real)
        return {name: path for name, (_, path) in chosen.items()}
