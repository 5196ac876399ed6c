"""Stops a function of somebody else that does not return: a strategy plug-in that hangs must not stop the switch.

A timer of the process (SIGALRM) raises `OutOfTime` within the function, again and again until it has left it, since a
stranger's code may swallow exceptions: each alarm raises at once and at the next line that is run, which lies behind the
`except` that swallowed the first. What waits in the kernel (sleep, a socket, a lock) is woken up by it too; only a
call into C that neither returns nor looks at signals is beyond it. Signals reach the main thread alone: in any other the
function is called without a limit, and nobody but that thread waits for it.
"""

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
TraceFunction = Callable[[FrameType, str, Any], Any]

AGAIN_S = 0.005
"""Pause between two tries to stop it."""


class OutOfTime(BaseException):
    """Raised within the function; no `except Exception` holds it."""


class NotReturned(TimeoutError):
    """It was stopped."""


class _Clock:
    """Of the process, which has one such timer: whose function it is that runs."""

    running = False
    rang = False
    """Whatever comes out of the function since then comes of its being stopped."""


class TimeLimit:
    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s

    def limited(self, function: Callable[P, T]) -> Callable[P, T]:
        """The same function; it raises `NotReturned` when it takes longer than the limit. What it calls that is limited too
        has what is left of it."""

        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            if threading.current_thread() is not threading.main_thread() or _Clock.running:
                return function(*args, **kwargs)
            before, traced = signal.signal(signal.SIGALRM, _alarm), sys.gettrace()
            _Clock.rang = False
            try:
                return self._within(function, *args, **kwargs)
            except BaseException:
                if not _Clock.rang:
                    raise
            finally:
                _Clock.running = False
                sys.settrace(traced)  # before anything that runs lines
                signal.setitimer(signal.ITIMER_REAL, 0)
                # Never to the default: an alarm still on its way through another thread would end the process.
                signal.signal(signal.SIGALRM, before if callable(before) else _alarm)
            raise NotReturned(f"did not return within {self._limit_s * 1000:g} ms")

        return call

    def _within(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        _Clock.running = True
        signal.setitimer(signal.ITIMER_REAL, self._limit_s, AGAIN_S)
        answer = function(*args, **kwargs)
        _Clock.running = False  # an alarm from here on raises nothing
        return answer


def _alarm(number: int, frame: FrameType | None) -> None:
    if _Clock.running and frame is not None:
        _Clock.rang = True
        frame.f_trace = _stop
        sys.settrace(_stop)
        raise OutOfTime


def _stop(frame: FrameType, event: str, argument: object) -> TraceFunction:
    """A trace function: the next line of the function is its end. A frame may outlive the function and keep it."""
    if event == "line" and _Clock.running:
        raise OutOfTime
    return _stop
