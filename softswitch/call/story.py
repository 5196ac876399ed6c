"""The trampoline: runs a call stage by stage inside one scope, whose exit ends everything exactly once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from softswitch.call import stages
from softswitch.call.arrive import arrive
from softswitch.call.call import Call
from softswitch.call.call_back import call_back
from softswitch.call.confer import confer
from softswitch.call.dial import dial
from softswitch.call.ending import finish
from softswitch.call.entering import enter
from softswitch.call.facing import take_back
from softswitch.call.feature import feature
from softswitch.call.greet import greet
from softswitch.call.message import message
from softswitch.call.parking import park, retrieve
from softswitch.call.pickup import pick_up, take_place
from softswitch.call.room import Room
from softswitch.call.say import say
from softswitch.call.stages import End, Stage
from softswitch.call.supervise import supervise
from softswitch.call.survey import survey
from softswitch.call.talk import talk
from softswitch.call.termination import FAULT, SHUTDOWN, By, CallOver, Cause, Termination, by_switch
from softswitch.call.voicemail import voicemail
from softswitch.call.wait import wait
from softswitch.errors import MediaError, PeerError

STORY: dict[type[Any], Callable[[Room, Call, Any], Awaitable[Stage]]] = {
    stages.Arrive: arrive,
    stages.Greet: greet,
    stages.Wait: wait,
    stages.Dial: dial,
    stages.Talk: talk,
    stages.Message: message,
    stages.Say: say,
    stages.Feature: feature,
    stages.Confer: confer,
    stages.Supervise: supervise,
    stages.PickUp: pick_up,
    stages.TakePlace: take_place,
    stages.Park: park,
    stages.Retrieve: retrieve,
    stages.CallBack: call_back,
    stages.VoiceMail: voicemail,
    stages.Survey: survey,
}


async def tell(room: Room, call: Call, stage: Stage, *, again: bool = False) -> Termination:
    """Run the call from `stage` to its end; returns how it ended, when its CDR is written and its legs are down.
    `again`: it was in this stage already, before a restart."""
    termination = FAULT
    try:
        while not isinstance(stage, End):
            if again or stage is call.ahead:
                again, call.ahead = False, None
            else:
                enter(call, stage)
            if call.going_round:
                call.log.error(
                    "led round and round without a pause; its last stages are shown", stages=call.stages[-4:]
                )
                stage = End(termination=by_switch(Cause.LOOP, 482))
                continue
            if call.caller.streams is not None and not isinstance(stage, stages.Talk | stages.Dial):
                take_back(call.caller)
            stage = await STORY[type(stage)](room, call, stage)
        termination = stage.termination
    except CallOver as over:
        termination = over.termination
    except PeerError as error:
        cause = Cause.NO_CODEC if error.sip_status == 488 else Cause.PEER_FAILED
        termination = Termination(By.CALLER, cause, error.sip_status)
        call.log.info("the caller's side cannot be served", problem=str(error))
    except MediaError as error:
        termination = by_switch(Cause.MEDIA_FAILED, error.sip_status)
        call.log.error("the call has no media", problem=str(error))
    except asyncio.CancelledError:
        termination = SHUTDOWN
    except Exception:
        call.log.exception("a stage of the call failed", stage=call.stage)
    finally:
        await finish(room, call, termination)
    return termination
