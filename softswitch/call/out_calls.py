"""Calls that logged-in agents make by themselves, as rows of the queue_log (OUTCALL): what they did beside the queues."""

from softswitch.call.call import Call
from softswitch.call.desk import Desk
from softswitch.call.termination import By, Termination
from softswitch.store import queue_log

_BUSY = (486, 600)
_NO_ANSWER = (408, 480, 487)


def log_out_call(desk: Desk, call: Call, termination: Termination) -> None:
    """Nothing for calls of others, and for those that did not go out through a trunk."""
    kind, _, endpoint = call.source.partition(":")
    party, _, number = call.figures.destination.partition("/")
    if kind != "endpoint" or not party.startswith("trunk:"):
        return
    agent = desk.logged_in_at(endpoint)
    if agent is None:
        return
    services = call.services
    services.queue_log.write(
        queue_log.out_call(
            services.clock.wall(),
            call.id,
            agent,
            status=_status(call, termination),
            talk_s=call.figures.talk_s,
            number=number,
        )
    )


def _status(call: Call, termination: Termination) -> str:
    """One of Asterisk's DIALSTATUS."""
    if call.figures.bridged is not None:
        return "ANSWER"
    if termination.by is By.CALLER:
        return "CANCEL"
    if termination.sip_status in _BUSY:
        return "BUSY"
    return "NOANSWER" if termination.sip_status in _NO_ANSWER else "CONGESTION"
