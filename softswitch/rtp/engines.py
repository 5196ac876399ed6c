"""Which engine a worker runs on: io_uring where the kernel lets us, else plain sockets."""

from softswitch.rtp.sockets import SocketEngine
from softswitch.rtp.uring import UringEngine

WANTED = ("auto", "io_uring", "sockets")


def choose(wanted: str) -> tuple[SocketEngine, str]:
    """The engine, and why it is not io_uring although that was wanted; raises OSError when only `io_uring` will do."""
    if wanted == "sockets":
        return SocketEngine(), ""
    try:
        return UringEngine(), ""
    except OSError as error:
        problem = f"io_uring cannot be used: {error.strerror or error}"
        if wanted == "io_uring":
            raise OSError(error.errno, problem) from error
        return SocketEngine(), problem
