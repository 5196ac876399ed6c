"""Renders the prompts that ship with the package into `softswitch/prompts/`; run it after a text has changed.

    python tools/build_prompts.py [NAME ...]     all prompts, or only those named, in every language

Needs espeak-ng and sox. Texts are in `prompt_texts/LANGUAGE.toml`, numbers in `number_words.py`, music in `hold_music.py`.
"""

import sys
import tomllib
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hold_music import RATE, beep, music
from number_words import words

from softswitch.ivr.prompts import SHIPPED
from softswitch.ivr.speech import VOICES, speak

TEXTS = Path(__file__).parent / "prompt_texts"


def catalogue(language: str) -> dict[str, str]:
    """Prompt name to text."""
    texts = tomllib.loads((TEXTS / f"{language}.toml").read_text(encoding="utf-8"))["texts"]
    numbers = words(language)
    twice = sorted(texts.keys() & numbers.keys())
    if twice:
        raise SystemExit(f"{language}: named twice: {', '.join(twice)}")
    return {**texts, **numbers}


def write_sound(path: Path, samples: npt.NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples.astype("<i2").tobytes())


def main(chosen: set[str]) -> None:
    work = []
    for language in VOICES:
        for name, text in catalogue(language).items():
            if not chosen or name in chosen:
                work.append((text, language, SHIPPED / language / f"{name}.wav"))
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda job: speak(*job), work))
    if not chosen:
        write_sound(SHIPPED / "music.wav", music())
        write_sound(SHIPPED / "beep.wav", beep())
    size = sum(path.stat().st_size for path in SHIPPED.rglob("*.wav"))
    print(f"{len(work)} prompts rendered; {size / 1e6:.1f} MB in {SHIPPED.name}/")


if __name__ == "__main__":
    main(set(sys.argv[1:]))
