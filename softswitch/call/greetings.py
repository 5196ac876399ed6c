"""Greetings that owners of boxes have recorded: one file a box, put in place whole."""

import shutil
from pathlib import Path

from softswitch.errors import StorageError


class Greetings:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, box: str) -> Path:
        """Where the greeting of a configured box lies."""
        return self._folder / f"box-{box}.wav"

    def find(self, box: str) -> Path | None:
        path = self.path(box)
        return path if path.is_file() else None

    def keep(self, box: str, recorded: Path) -> None:
        """This recording is the greeting from now on; raises StorageError."""
        part = self._folder / f".box-{box}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(recorded, part)
            part.replace(self.path(box))
        except OSError as error:
            part.unlink(missing_ok=True)
            raise StorageError(f"the greeting of {box} cannot be kept: {error.strerror or error}") from error

    def drop(self, box: str) -> None:
        """The standard greeting is heard again; raises StorageError."""
        try:
            self.path(box).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"the greeting of {box} cannot be removed: {error.strerror}") from error
