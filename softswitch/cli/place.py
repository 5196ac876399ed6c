"""Where the configuration and the control socket are, when nobody says."""

import os
import tomllib
from pathlib import Path
from typing import Any

from softswitch.errors import OurError

DEFAULT_SOCKET = Path("/var/lib/softswitch/control.sock")
DEFAULT_STATE_DIR = "/var/lib/softswitch"
CONFIG_FILES = (Path("config/softswitch.toml"), Path("/etc/softswitch/softswitch.toml"))


def default_config() -> Path:
    """The first of the usual files that exists; else the first."""
    return next((file for file in CONFIG_FILES if file.exists()), CONFIG_FILES[0])


def socket_path(socket: Path | None, config: Path | None) -> Path:
    """`--socket`, `$SOFTSWITCH_SOCKET`, what `--config` or a usual file says, or the default."""
    if socket is not None:
        return socket
    if os.environ.get("SOFTSWITCH_SOCKET"):
        return Path(os.environ["SOFTSWITCH_SOCKET"])
    file = config or next((usual for usual in CONFIG_FILES if usual.exists()), None)
    return DEFAULT_SOCKET if file is None else _socket_of(file)


class TokenUnreadable(OurError):
    """There is no token where one was said to be."""


def token(file: Path | None) -> str:
    """The first line of `--token-file` or `$SOFTSWITCH_TOKEN_FILE`; empty: none was named."""
    named = file or (
        Path(os.environ["SOFTSWITCH_TOKEN_FILE"]) if os.environ.get("SOFTSWITCH_TOKEN_FILE") else None
    )
    if named is None:
        return ""
    try:
        found = named.read_text("ascii").split("\n", 1)[0].strip()
    except (OSError, ValueError) as error:
        raise TokenUnreadable(
            f"no token can be read from {named}: {getattr(error, 'strerror', None) or error}"
        ) from None
    if not found:
        raise TokenUnreadable(f"{named} is empty; its first line is to be the token")
    return found


def _socket_of(file: Path) -> Path:
    """Read without the schema: a status must be shown though the file on disk is wrong by now."""
    general: dict[str, Any] = {}
    for each in (file, *sorted((file.parent / "conf.d").glob("*.toml"))):
        try:
            section = tomllib.loads(each.read_text()).get("general", {})
        except (OSError, ValueError):
            continue
        if isinstance(section, dict):
            general |= {key.replace("-", "_"): value for key, value in section.items()}
    if general.get("control_socket"):
        return Path(str(general["control_socket"]))
    return Path(str(general.get("state_dir") or DEFAULT_STATE_DIR)) / "control.sock"
