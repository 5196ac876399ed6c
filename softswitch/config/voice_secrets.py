"""Reads the secrets of `[mail]` and `[recogniser.NAME]`."""

from pathlib import Path

from softswitch.config.documents import Documents
from softswitch.config.feed_secrets import SecretKey, read_secret
from softswitch.config.problem import Finding
from softswitch.config.problem import Path as KeyPath
from softswitch.config.schema import Config
from softswitch.config.secret import Secret


def read_voice_secrets(
    config: Config, documents: Documents, found: dict[SecretKey, Secret], findings: list[Finding]
) -> None:
    """Adds `("mail", "")` and `("recogniser", NAME)` to `found`."""
    named: list[tuple[SecretKey, KeyPath, str, str]] = [
        (("mail", ""), ("mail", "secret_file"), config.mail.user, config.mail.secret_file)
    ]
    for name, recogniser in config.recogniser.items():
        where: KeyPath = ("recogniser", name, "secret_file")
        named.append((("recogniser", name), where, "", recogniser.secret_file))
    for key, path, user, file in named:
        if not file:
            continue
        place = Path(documents.document_of(path).file).parent / file
        secret = read_secret(place, path, findings)
        if secret:
            found[key] = Secret(user=user, password=secret)
