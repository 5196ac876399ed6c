"""A consultation that leads out: the trunks of its plan are tried in order, as for a call (`outward.py`), but while two
others talk: each next try begins when the one before has failed.
"""

from dataclasses import dataclass

from softswitch.call.attempt import Attempt, begin_attempt, unreachable
from softswitch.call.call import Call
from softswitch.call.events import PartyFailed
from softswitch.call.outward import NO_TRUNK, failed, write_down
from softswitch.call.room import Room
from softswitch.call.termination import Termination
from softswitch.call.trunk_plan import Candidate, TrunkPlan
from softswitch.config.target import Target
from softswitch.ids import TrunkName


@dataclass(slots=True)
class ConsultTrunks:
    plan: TrunkPlan
    account: str
    """Who is charged."""
    left: list[Candidate]
    tries: int = 0
    trying: Candidate | None = None
    began: float = 0.0
    """Wall time of the try that is under way."""

    def next(self, room: Room, call: Call) -> Attempt | Termination:
        """Ring at the next trunk that can take it; the Termination says why there is none."""
        outcome: Attempt | Termination = NO_TRUNK
        while self.left and self.tries < self.plan.attempts:
            candidate, self.began = self.left.pop(0), call.services.clock.wall()
            trunk = Target("trunk", candidate.trunk)
            outcome = unreachable(room, call, trunk) or begin_attempt(
                room, call, trunk, candidate.number, account=self.account, hurry=self._more
            )
            if isinstance(outcome, Attempt):
                self.tries += 1
                self.trying = candidate
                return outcome
            self._write_down(call, candidate, (outcome, outcome.sip_status))
        return outcome

    @property
    def _more(self) -> bool:
        return bool(self.left) and self.tries + 1 < self.plan.attempts

    def answered(self, call: Call) -> None:
        if self.trying is not None:
            self._write_down(call, self.trying, None)

    def given_up(self, call: Call, why: Termination) -> None:
        """Nobody waits for this one any more."""
        if self.trying is not None:
            self._write_down(call, self.trying, (why, why.sip_status))

    def failed(self, call: Call, event: PartyFailed) -> bool:
        """True when another trunk may do what this one did not."""
        if self.trying is not None:
            self._write_down(call, self.trying, failed(event))
        return self.plan.leads_on(event.status, local=event.local)

    def _write_down(self, call: Call, candidate: Candidate, ending: tuple[Termination, int] | None) -> None:
        write_down(call, self.plan, candidate, ending, began=self.began, source=self.account)


def plan_consult(call: Call, target: Target, dialled: str, account: str) -> ConsultTrunks | Termination:
    """The Termination: the toll guard allows it not."""
    services = call.services
    plan = services.trunking.plan(call.config, services.calendars, target, dialled, account)
    guarded = services.trunking.refused(call.config, account, plan.e164, call.id)
    if guarded is not None:
        return guarded
    sip = services.sip
    left = sorted(plan.candidates, key=lambda each: sip.trunk_is_silent(TrunkName(each.trunk)))
    return ConsultTrunks(plan, account, left)
