"""Text to a prompt file, with espeak-ng and sox: 8 kHz, mono, 16 bit, silence cut off, one level for all. A shell.

Used when the package is built (`tools/build_prompts.py`); a running switch plays files and never speaks itself.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from softswitch.errors import UnusableError

VOICES = {"en": "en-gb", "es": "es", "ro": "ro"}
WORDS_PER_MINUTE = {"en": 170, "es": 175, "ro": 170}
SAMPLE_RATE = 8000
PEAK_DB = -4
TIMEOUT_S = 30.0
_TRIM = ("silence", "1", "0.005", "0.8%")


class SpeechError(UnusableError):
    """espeak-ng or sox is not installed, or refused."""


def speak(text: str, language: str, destination: Path) -> None:
    """Render `text` into the WAV file `destination`, whose folder is made if needed."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.wav"
        voice, speed = VOICES[language], str(WORDS_PER_MINUTE[language])
        _run("espeak-ng", "-v", voice, "-s", speed, "-w", str(raw), "--", text)
        form = ("-c", "1", "-b", "16", "-e", "signed-integer")
        trim = ("rate", str(SAMPLE_RATE), *_TRIM, "reverse", *_TRIM, "reverse")
        level = ("highpass", "120", "norm", str(PEAK_DB), "pad", "0.01", "0.03")
        _run("sox", "-D", str(raw), *form, str(destination), *trim, *level)


def _run(program: str, *arguments: str) -> None:
    path = shutil.which(program)
    if path is None:
        raise SpeechError(f"{program} is not installed; install the packages espeak-ng and sox")
    try:
        subprocess.run((path, *arguments), check=True, capture_output=True, timeout=TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        raise SpeechError(f"{program} failed: {said or error.returncode}") from None
    except subprocess.TimeoutExpired:
        raise SpeechError(f"{program} did not end within {TIMEOUT_S:g} s") from None
