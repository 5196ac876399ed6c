"""Reads the secrets that endpoints and trunks name, and finds those that cannot be used or that others can read."""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from softswitch.config.credentials import Auth
from softswitch.config.documents import Documents
from softswitch.config.problem import Finding
from softswitch.config.problem import Path as KeyPath
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.trunks import Trunk

SecretKey = tuple[str, str]
"""`("endpoint", NAME)` or `("trunk", NAME)`."""

MAX_SECRET_BYTES = 1024
_HEX = {"ha1_md5": re.compile(r"[0-9a-fA-F]{32}"), "ha1_sha256": re.compile(r"[0-9a-fA-F]{64}")}


@dataclass(slots=True)
class Secrets:
    found: dict[SecretKey, Secret] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read_secrets(config: Config, documents: Documents) -> Secrets:
    """A secret file that does not exist yet is a warning: that one phone or trunk cannot authenticate until it does."""
    secrets = Secrets()
    for section, named in (("endpoint", config.endpoint), ("trunk", config.trunk)):
        for name, entry in named.items():
            if entry.auth is not None:
                realm = (entry.realm if isinstance(entry, Trunk) else "") or config.sip.realm
                secret = _secret(section, name, entry.auth, realm, documents, secrets.findings)
                if secret is not None:
                    secrets.found[section, name] = secret
    return secrets


def secret_path(section: str, name: str, auth: Auth, documents: Documents) -> Path:
    """Where `secret_file` is: relative to the file that names it."""
    file = documents.document_of((section, name, "auth", "secret_file")).file
    return Path(file).parent / auth.secret_file


def _secret(
    section: str, name: str, auth: Auth, realm: str, documents: Documents, findings: list[Finding]
) -> Secret | None:
    where: KeyPath = (section, name, "auth")
    user = auth.user or name
    given = [key for key in ("secret", "secret_file") if getattr(auth, key)]
    hashes = [key for key in _HEX if getattr(auth, key)]
    if len(given) + bool(hashes) != 1:
        findings.append(
            Finding(
                path=where,
                message="has more than one secret" if given or hashes else "has no secret",
                expected="one of secret_file, ha1_md5 and ha1_sha256, or secret",
            )
        )
        return None
    if hashes:
        return _hashed(where, user, auth, findings)
    password = auth.secret
    if auth.secret_file:
        path = secret_path(section, name, auth, documents)
        read = _read(path, section, name, (*where, "secret_file"), findings)
        if read is None:
            return None
        password = read
    elif _readable_by_others(Path(documents.document_of((*where, "secret")).file)):
        message = "stands in a file that every user of this machine can read; use secret_file, or chmod o-r"
        findings.append(Finding(path=(*where, "secret"), message=message, warning=True))
    if password == user:
        message = "the password is the user name, which is the first that is guessed"
        findings.append(Finding(path=where, message=message, warning=True))
    return Secret.from_password(user, realm, password)


def _hashed(where: KeyPath, user: str, auth: Auth, findings: list[Finding]) -> Secret | None:
    wrong = [key for key, pattern in _HEX.items() if not pattern.fullmatch(getattr(auth, key) or "0" * 64)]
    wrong = [key for key in wrong if getattr(auth, key)]
    for key in wrong:
        size = 32 if key == "ha1_md5" else 64
        findings.append(Finding(path=(*where, key), message="is no such hash", expected=f"{size} hex digits"))
    if wrong:
        return None
    return Secret(user=user, ha1_md5=auth.ha1_md5.lower(), ha1_sha256=auth.ha1_sha256.lower())


def _read(path: Path, section: str, name: str, where: KeyPath, findings: list[Finding]) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        password = content.split(b"\n", 1)[0].decode().strip("\r")
    except FileNotFoundError:
        who = "phone" if section == "endpoint" else "trunk"
        make = (
            "make it with `softswitch user secrets`"
            if who == "phone"
            else "put the provider's password there"
        )
        message = f"{path} does not exist, so this {who} cannot authenticate; {make}"
        findings.append(Finding(path=where, message=message, warning=True))
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        findings.append(Finding(path=where, message=f"{path} cannot be read: {reason}"))
        return None
    if not password or len(content) > MAX_SECRET_BYTES:
        what = "is too long" if password else "has an empty first line"
        findings.append(
            Finding(path=where, message=f"{path} {what}", expected="the password on its first line")
        )
        return None
    if _readable_by_others(path):
        message = f"every user of this machine can read {path}; chmod 600 it"
        findings.append(Finding(path=where, message=message, warning=True))
    return password


def _readable_by_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def missing_secret_files(config: Config, documents: Documents) -> Mapping[str, Path]:
    """Endpoints whose secret file does not exist yet, for `softswitch user secrets`."""
    paths = {
        name: secret_path("endpoint", name, endpoint.auth, documents)
        for name, endpoint in config.endpoint.items()
        if endpoint.auth is not None and endpoint.auth.secret_file
    }
    return {name: path for name, path in paths.items() if not path.exists()}
