"""The error of a command that cannot be carried out."""

from softswitch.errors import MediaError


class CommandError(MediaError):
    """Told as `CommandRefused`, never raised out of the exchange."""
