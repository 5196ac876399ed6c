"""Where the switch keeps its files, with the defaults that hang on `general.state_dir` filled in."""

from pathlib import Path

from softswitch.config.schema import Config

SQLITE = "sqlite:///"


def state_dir(config: Config) -> Path:
    return Path(config.general.state_dir)


def control_socket(config: Config) -> Path:
    return Path(config.general.control_socket or state_dir(config) / "control.sock")


def database(config: Config) -> str:
    """SQLAlchemy-style address."""
    return config.general.database or f"{SQLITE}{state_dir(config) / 'softswitch.db'}"


def queue_log(config: Config) -> Path | None:
    """None: no queue_log is written."""
    if config.general.queue_log == "off":
        return None
    return Path(config.general.queue_log or state_dir(config) / "queue_log")


def recordings(config: Config) -> Path:
    return Path(config.recording.directory or state_dir(config) / "recordings")


def speech(config: Config) -> Path:
    """What was spoken already."""
    return Path(config.speech.directory or state_dir(config) / "speech")


def prompts(config: Config) -> Path | None:
    """The administrator's own prompts; None: only those shipped."""
    return Path(config.prompts.directory) if config.prompts.directory else None
