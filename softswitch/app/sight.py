"""What somebody may see of what happens: one judgement for the feed of events, webhooks and the manager interface.

A fact belongs to its queue, to its agent, or to the queue that its call was last put into; what belongs to none of them is
for those who may see the whole switch. Which queue a call was in is remembered for as many calls as the feed may still tell
of. Rights are looked up at each fact, so that a reload takes effect at once.
"""

from collections import OrderedDict
from collections.abc import Callable

from softswitch.call.call import Call
from softswitch.call.gate import Gate
from softswitch.call.permissions import ANYTHING, SWITCH, About, Actor
from softswitch.config.acts import Act
from softswitch.facts import (
    CallFact,
    CallQueued,
    Fact,
    RegistrationChanged,
    SupervisionEnded,
    SupervisionStarted,
)

CALLS_KEPT = 20_000
_OF_SPIES = (SupervisionStarted, SupervisionEnded)


class Sight:
    def __init__(self, gate: Gate) -> None:
        self._permissions = gate.permissions
        self._queues: OrderedDict[str, str] = OrderedDict()
        """Call to the queue it was last put into."""

    def learn(self, fact: CallQueued) -> None:
        """To be told before anybody asks about it."""
        self._queues[fact.call] = fact.queue
        self._queues.move_to_end(fact.call)
        if len(self._queues) > CALLS_KEPT:
            self._queues.popitem(last=False)

    def of_person(self, name: str) -> Callable[[Fact], bool]:
        """What the feed with this `person` may show; one that was given none shows everything."""
        if not name:
            return lambda fact: True

        def sees(fact: Fact) -> bool:
            actor = self._permissions.person(name, surface="feed")
            return actor is not None and self._sees(actor, fact)

        return sees

    def queue(self, name: str, queue: str) -> bool:
        """Whether the feed with this `person` shows that queue."""
        return self._shows(name, self._permissions.queue(queue))

    def call(self, name: str, call: Call) -> bool:
        return self._shows(name, self._permissions.call(call))

    def _shows(self, name: str, about: About) -> bool:
        if not name:
            return True
        actor = self._permissions.person(name, surface="feed")
        return actor is not None and not self._permissions.missing(actor, Act.FEED_READ, about)

    def of(self, actor: Actor | None) -> Callable[[Fact], bool]:
        """What he who follows may see, as long as that by which he is known is the same: a token that was taken back shows
        nothing more."""
        if actor is None or actor.owner:
            return lambda fact: True
        name, proof = actor.name, _proof(actor)

        def sees(fact: Fact) -> bool:
            found = self._permissions.person(name, surface=actor.surface)
            return found is not None and _proof(found) == proof and self._sees(found, fact)

        return sees

    def _sees(self, actor: Actor, fact: Fact) -> bool:
        missing = self._permissions.missing
        if missing(actor, Act.FEED_READ, ANYTHING):
            return False
        about = self._about(fact)
        if isinstance(fact, _OF_SPIES) and missing(actor, Act.SPY_READ, about):
            return False
        return not missing(actor, Act.FEED_READ, about)

    def _about(self, fact: Fact) -> About:
        permissions = self._permissions
        queue, agent = str(getattr(fact, "queue", None) or ""), str(getattr(fact, "agent", None) or "")
        if isinstance(fact, CallFact):
            return permissions.row("call", fact.call, queue or self._queues.get(fact.call, ""), agent)
        if queue:
            return permissions.queue(queue)
        if agent:
            return permissions.agent(agent)
        if isinstance(fact, RegistrationChanged):
            return permissions.phone(fact.endpoint)
        return SWITCH


def _proof(actor: Actor) -> tuple[object, ...]:
    return actor.person.token_sha256, actor.person.unix_users
