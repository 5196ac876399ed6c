"""What the engine refuses. It absorbs nothing: an input that makes no sense raises before anything has changed."""

from softswitch.errors import OurError


class AcdError(OurError):
    """Root of the engine's errors; each one is a fault of whoever called the engine, never of a peer."""


class NotKnown(AcdError):
    """No such queue, agent, waiting call or offer."""


class WrongState(AcdError):
    """Known, but this cannot happen to it now."""


class Refused(AcdError):
    """A command that the rules of the queue do not allow; everything is as it was."""
