"""Makes phones: a generated password in a file that only its owner reads, and the table that names it.

Nothing existing is ever overwritten. The password is returned once, to be shown to the person who asked.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from softswitch.config.loader import LoadedConfig, load
from softswitch.config.problem import ConfigError, Problem
from softswitch.config.secrets import missing_secret_files

Entropy = Callable[[int], bytes]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""No 0 O 1 l I o: people type it into phones."""
PASSWORD_LENGTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    name: str
    display_name: str = ""
    agent: bool = False
    """Also an agent of the same name."""
    language: str = ""


@dataclass(frozen=True, slots=True)
class MadeUser:
    name: str
    password: str
    secret_file: Path
    fragment: Path | None
    """The file in `conf.d` that was written; None: the phone was in the configuration already."""

    def __repr__(self) -> str:
        return f"MadeUser({self.name!r})"


def password(entropy: Entropy) -> str:
    """About 116 bits. Bytes beyond the largest multiple of the alphabet are drawn again, so that none is likelier."""
    limit = 256 - 256 % len(_ALPHABET)
    letters: list[str] = []
    while len(letters) < PASSWORD_LENGTH:
        letters += [_ALPHABET[byte % len(_ALPHABET)] for byte in entropy(PASSWORD_LENGTH) if byte < limit]
    return "".join(letters[:PASSWORD_LENGTH])


def add_user(config_file: Path, user: NewUser, entropy: Entropy) -> MadeUser:
    """Raises `ConfigError` when the name is taken or the present configuration is wrong."""
    loaded = load(config_file)
    _refuse_taken(loaded, config_file, user)
    secret_file = config_file.parent / "secrets" / user.name
    fragment = config_file.parent / "conf.d" / f"{user.name}.toml"
    if fragment.exists():
        raise ConfigError(
            [_problem(fragment, "exists already and does not define this phone; rename it first")]
        )
    made = password(entropy)
    _write_secret(secret_file, made)
    fragment.parent.mkdir(parents=True, exist_ok=True)
    with fragment.open("x") as file:
        file.write(_fragment(user))
    return MadeUser(user.name, made, secret_file, fragment)


def make_missing_secrets(loaded: LoadedConfig, entropy: Entropy) -> list[MadeUser]:
    """One password for each phone whose secret file does not exist yet."""
    made: list[MadeUser] = []
    for name, path in missing_secret_files(loaded.config, loaded.documents).items():
        word = password(entropy)
        _write_secret(path, word)
        made.append(MadeUser(name, word, path, None))
    return made


def _refuse_taken(loaded: LoadedConfig, config_file: Path, user: NewUser) -> None:
    if not _NAME.fullmatch(user.name):
        message = f"{user.name!r} is no name for a phone; letters, digits and _ . - up to 32"
        raise ConfigError([_problem(config_file, message)])
    for section in ("endpoint", "agent") if user.agent else ("endpoint",):
        if user.name in getattr(loaded.config, section):
            document = loaded.documents.document_of((section, user.name))
            line = document.line((section, user.name))
            message = f"{section} {user.name!r} is defined already"
            raise ConfigError(
                [Problem(file=document.file, line=line, key=f"{section}.{user.name}", message=message)]
            )


def _problem(file: Path, message: str) -> Problem:
    return Problem(file=str(file), line=0, key="", message=message)


def _write_secret(path: Path, word: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(word + "\n")


def _fragment(user: NewUser) -> str:
    lines = [
        f"[endpoint.{_key(user.name)}]",
        f"auth = {{ secret_file = {_quoted(f'../secrets/{user.name}')} }}",
    ]
    if user.display_name:
        lines.append(f"display_name = {_quoted(user.display_name)}")
    if user.language:
        lines.append(f"language = {_quoted(user.language)}")
    if user.agent:
        lines += ["", f"[agent.{_key(user.name)}]", f"endpoint = {_quoted(user.name)}"]
        if user.display_name:
            lines.append(f"name = {_quoted(user.display_name)}")
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return _quoted(name) if "." in name else name


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    escaped = "".join(
        f"\\{letter}" if letter in '"\\' else letter if letter.isprintable() else f"\\U{ord(letter):08x}"
        for letter in text
    )
    return f'"{escaped}"'
