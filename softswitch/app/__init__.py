"""The composition root: the only place that knows every room, and the life of the process from start to drain."""

from softswitch.app.life import run

__all__ = ["run"]
