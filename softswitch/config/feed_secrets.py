"""Reads the secrets of feeds and lookups; finds those that are missing or that others can read."""

import stat
from collections.abc import Iterator
from pathlib import Path

from softswitch.config.documents import Documents
from softswitch.config.feeds import Ami, Events, Webhook
from softswitch.config.lookups import Lookup
from softswitch.config.problem import Finding
from softswitch.config.problem import Path as KeyPath
from softswitch.config.schema import Config
from softswitch.config.secret import Secret

MAX_SECRET_BYTES = 1024
SecretKey = tuple[str, str]


def read_feed_secrets(
    config: Config, documents: Documents, found: dict[SecretKey, Secret], findings: list[Finding]
) -> None:
    """Adds `("events", "")`, `("ami", "")`, `("webhook", NAME)` and `("lookup", NAME)` to `found`."""
    for key, path, feed in _feeds(config):
        if feed.secret and feed.secret_file:
            findings.append(Finding(path=(*path, "secret"), message="is given twice: `secret_file` is too"))
            continue
        secret = feed.secret
        if feed.secret_file:
            file = Path(documents.document_of((*path, "secret_file")).file).parent / feed.secret_file
            secret = read_secret(file, (*path, "secret_file"), findings)
        elif secret and _readable_by_others(Path(documents.document_of((*path, "secret")).file)):
            message = (
                "stands in a file that every user of this machine can read; use secret_file, or chmod o-r"
            )
            findings.append(Finding(path=(*path, "secret"), message=message, warning=True))
        if secret:
            found[key] = Secret(user=feed.user if isinstance(feed, Ami) else "", password=secret)
    findings += _missing(config, findings)


def _feeds(config: Config) -> Iterator[tuple[SecretKey, KeyPath, Events | Ami | Webhook | Lookup]]:
    yield ("events", ""), ("events",), config.events
    yield ("ami", ""), ("ami",), config.ami
    for name, webhook in config.webhook.items():
        yield ("webhook", name), ("webhook", name), webhook
    for name, lookup in config.lookup.items():
        yield ("lookup", name), ("lookup", name), lookup


def _missing(config: Config, findings: list[Finding]) -> Iterator[Finding]:
    """Nothing is opened that everybody could read."""
    for section, feed in (("events", config.events), ("ami", config.ami)):
        if feed.listen and not feed.secret and not feed.secret_file:
            yield Finding(
                path=(section, "listen"), message="needs a secret, which is not there", expected="secret_file"
            )
    if config.ami.listen and not config.ami.user:
        yield Finding(path=("ami", "listen"), message="needs a user, which is not there", expected="user")
    if config.events.listen and not config.events.keep:
        message = "leads to nothing: `keep` is 0"
        yield Finding(path=("events", "listen"), message=message, warning=True)
    for name, webhook in config.webhook.items():
        if webhook.retry_max_s < webhook.retry_min_s:
            yield Finding(path=("webhook", name, "retry_max_s"), message="is less than retry_min_s")


def read_secret(file: Path, where: KeyPath, findings: list[Finding]) -> str:
    """Empty, with a finding, when there is none."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_SECRET_BYTES + 1)
        secret = content.split(b"\n", 1)[0].decode().strip("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        findings.append(Finding(path=where, message=f"{file} cannot be read: {reason}"))
        return ""
    if not secret or len(content) > MAX_SECRET_BYTES:
        what = "is too long" if secret else "has an empty first line"
        findings.append(
            Finding(path=where, message=f"{file} {what}", expected="the secret on its first line")
        )
        return ""
    if _readable_by_others(file):
        message = f"every user of this machine can read {file}; chmod 600 it"
        findings.append(Finding(path=where, message=message, warning=True))
    return secret


def _readable_by_others(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
