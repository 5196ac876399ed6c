"""What one leg hears of ours: keys we send, else the prompts of a Play (over the music, where there is any), else music.

Owns positions and what ends when; `playout.py` owns the clock and the packets. Frames are any length.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.rtp.dtmf import EventSender
from softswitch.rtp.prompt import Prompt, PromptLibrary, PromptProblem

U8 = npt.NDArray[np.uint8]
I16 = npt.NDArray[np.int16]

MAX_PROMPTS: Final = 1000
"""In one Play."""


class Playlist:
    """Prompts one after another without a gap; silence after the last."""

    def __init__(self, prompts: list[Prompt]) -> None:
        self._prompts = [prompt for prompt in prompts if len(prompt)]
        self._index = 0
        self._position = 0

    def add(self, prompts: list[Prompt]) -> None:
        self._prompts += [prompt for prompt in prompts if len(prompt)]

    @property
    def done(self) -> bool:
        return self._index >= len(self._prompts)

    def fill(self, linear: I16) -> None:
        filled = 0
        while filled < len(linear) and not self.done:
            filled += self._copy(self._prompts[self._index].linear, linear, filled)
        linear[filled:] = 0

    def fill_encoded(self, out: U8, law: int, silence: int) -> None:
        filled = 0
        while filled < len(out) and not self.done:
            filled += self._copy(self._prompts[self._index].encoded(law), out, filled)
        out[filled:] = silence

    def _copy(self, source: I16 | U8, out: I16 | U8, filled: int) -> int:
        count = min(len(source) - self._position, len(out) - filled)
        out[filled : filled + count] = source[self._position : self._position + count]
        self._position += count
        if self._position == len(source):
            self._index, self._position = self._index + 1, 0
        return count


class Play:
    """A Play command under way; `playlist` is None until all its files are loaded."""

    __slots__ = ("number", "paths", "playable", "playlist", "problem")

    def __init__(self, number: int, paths: tuple[str, ...]) -> None:
        self.number = number
        self.paths = paths[:MAX_PROMPTS]
        self.playlist: Playlist | None = None
        self.problem = ""
        self.playable = True
        """False: not one of its prompts could be loaded."""

    @property
    def done(self) -> bool:
        return self.playlist is not None and self.playlist.done

    def load(self, library: PromptLibrary) -> bool:
        """Ask for the files; whether it can begin. Those that cannot be played are left out and named in `problem`."""
        found = [library.get(path) for path in self.paths]
        if any(prompt is None for prompt in found):
            return False
        self.problem = "; ".join(prompt.problem for prompt in found if isinstance(prompt, PromptProblem))
        prompts = [prompt for prompt in found if isinstance(prompt, Prompt)]
        self.playable = bool(prompts) or not self.paths
        self.playlist = Playlist(prompts)
        return True


class Voice:
    """What a leg hears of ours; `playing`, `speaking` and `sending` say what there is."""

    __slots__ = ("events", "keys", "music", "music_path", "music_position", "play")

    def __init__(self) -> None:
        self.events: EventSender | None = None
        """Keys to send as telephone-events."""
        self.keys: Playlist | None = None
        """Keys to send as tones."""
        self.play: Play | None = None
        self.music_path: str | None = None
        self.music: Prompt | None = None
        self.music_position = 0

    @property
    def silent(self) -> bool:
        """There is nothing of ours."""
        return self.events is None and self.keys is None and self.play is None and self.music is None

    @property
    def sending(self) -> bool:
        """Keys go out."""
        return self.events is not None or self.keys is not None

    @property
    def playing(self) -> bool:
        """A Play is under way and its files are there."""
        return self.play is not None and self.play.playlist is not None

    @property
    def speaking(self) -> bool:
        """Keys as tones, or a Play, are under way."""
        return self.keys is not None or self.playing

    @property
    def loading(self) -> bool:
        """A file is asked for and not there yet."""
        waits_for_music = self.music_path is not None and self.music is None
        return waits_for_music or (self.play is not None and self.play.playlist is None)

    def music_encoded(self, out: U8, law: int) -> None:
        assert self.music is not None
        self._loop(self.music.encoded(law), out)

    def music_linear(self, out: I16) -> None:
        assert self.music is not None
        self._loop(self.music.linear, out)

    def _loop(self, source: I16 | U8, out: I16 | U8) -> None:
        filled = 0
        while filled < len(out):
            count = min(len(source) - self.music_position, len(out) - filled)
            out[filled : filled + count] = source[self.music_position : self.music_position + count]
            filled += count
            self.music_position = (self.music_position + count) % len(source)
