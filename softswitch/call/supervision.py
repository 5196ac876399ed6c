"""One supervisor at one agent or contact: the phone he hears with, his mode, the talk he is in now, and the rows about it.

Owns no leg's life: a phone that we rang is looked after in `supervisions.py`, one that dialled in `supervise.py`. State
changes at once; whoever tells the session's story is woken by `wake`.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import structlog

from softswitch.call.call import Call
from softswitch.call.events import DigitHeard
from softswitch.call.leg import Leg
from softswitch.call.matrix import Role
from softswitch.call.orders import TakeOverOrdered
from softswitch.call.refusals import NotNow
from softswitch.call.services import Services
from softswitch.call.termination import HANDED_OVER
from softswitch.config.acts import Act
from softswitch.facts import SupervisionEnded, SupervisionStarted
from softswitch.ids import AgentId, CallId, EndpointName
from softswitch.store.rows import SupervisionRow

if TYPE_CHECKING:
    from softswitch.call.conversation import Conversation
    from softswitch.call.recordings import Recordings
    from softswitch.call.ringing import Ringing

_log = structlog.get_logger(__name__)

MODES = {"listen": Role.LISTEN, "whisper": Role.WHISPER, "barge": Role.BARGE}
MODE_OF_KEY = {"4": Role.LISTEN, "5": Role.WHISPER, "6": Role.BARGE}
TAKE_OVER_KEY = "9"
ACT_OF_KEY = {"4": Act.SPY_LISTEN, "5": Act.SPY_WHISPER, "6": Act.SPY_BARGE, TAKE_OVER_KEY: Act.SPY_TAKE_OVER}
TONE = ("tone:beep",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who wants to hear whom."""

    phone: EndpointName
    by: AgentId | None
    """The agent logged in at that phone."""
    agent: AgentId | None
    """Whom; None: the parties of `call`."""
    call: CallId | None
    follow: bool
    """An agent's: stay for his next calls."""


@dataclass(slots=True, eq=False)
class Supervision:
    id: str
    services: Services
    recordings: "Recordings"
    wish: Wish
    mode: Role
    leg: Leg
    wake: Callable[[], None]
    permits: "Callable[[Supervision, Act], bool]" = lambda session, act: True
    """Whether he may do that by a key of his phone."""
    owner: Call | None = None
    """The supervisor's own call, where he has dialled."""
    ringing: "Ringing | None" = None
    """His phone's, where we have."""
    conversation: "Conversation | None" = None
    over: str = ""
    """Why it ended; empty while it goes on."""
    handed_over: bool = False
    """His leg has another owner."""
    answered: bool = False
    held: bool = False
    began: float = 0.0
    row: SupervisionRow = field(init=False)
    _tone: asyncio.TimerHandle | None = None
    _heard: Call | None = None

    def __post_init__(self) -> None:
        self.began = self.services.clock.wall()
        self.row = SupervisionRow(
            supervision=self.id,
            stay=0,
            supervisor=self.leg.party,
            supervisor_agent=self.wish.by or "",
            agent=self.wish.agent or "",
            call=self.wish.call or "",
            modes="[]",
            began=self.began,
        )
        self.services.store.supervision(self.row)

    def __repr__(self) -> str:
        whom = f"agent:{self.wish.agent}" if self.wish.agent else f"call:{self.wish.call}"
        return (
            f"<Supervision {self.id} {self.leg.party} → {whom} {self.mode} {self.over or self.conversation}>"
        )

    @property
    def heard(self) -> Call | None:
        """The call he heard last."""
        return self._heard

    @property
    def gone(self) -> bool:
        """He has hung up; whoever tells his story may not have read so yet."""
        return self.leg.session is None or self.leg.session.over

    # --- the talk he is in ------------------------------------------------------------------------------------------

    def attach(self, conversation: "Conversation") -> None:
        """From now on he is in this talk."""
        self.conversation, self._heard = conversation, conversation.call
        self.leg.stop_play()
        self.leg.music(None)
        stay = self.row.stay + 1 if self.row.ended is not None else self.row.stay
        self.row = replace(
            self.row,
            stay=stay,
            call=conversation.call.id,
            agent=conversation.stage.agent or self.wish.agent or "",
            began=self.services.clock.wall(),
            ended=None,
            why="",
            modes="[]",
        )
        self._set_mode(self.mode)
        conversation.supervise(self.leg.id, None if self.held else self.mode)
        self._sound_tone()
        clock = self.services.clock
        _log.info("supervised", call=conversation.call.id, supervisor=self.leg.party, mode=self.mode.value)
        self.services.bus.publish(
            SupervisionStarted(
                call=conversation.call.id,
                supervision=self.id,
                supervisor=self.leg.party,
                agent=self.row.agent,
                mode=self.mode.value,
                wall=clock.wall(),
                monotonic=clock.monotonic(),
            )
        )

    def detach(self, why: str) -> None:
        """He hears this talk no more."""
        conversation, self.conversation = self.conversation, None
        if conversation is None:
            return
        if self._tone is not None:
            self._tone.cancel()
        self.recordings.leave(conversation.call, self.leg)
        conversation.supervise(self.leg.id, None)
        self._close_row(why)
        clock = self.services.clock
        self.services.bus.publish(
            SupervisionEnded(
                call=conversation.call.id,
                supervision=self.id,
                supervisor=self.leg.party,
                reason=why,
                wall=clock.wall(),
                monotonic=clock.monotonic(),
            )
        )

    def wait_for_talk(self) -> None:
        """There is nothing to hear now."""
        self.leg.play(("supervise-waiting",), self.services.config.general.language)
        self.leg.music("music")

    # --- orders -----------------------------------------------------------------------------------------------------

    def change(self, mode: Role) -> None:
        """Listen, whisper or barge from now on."""
        if mode is self.mode or self.over:
            return
        self.mode = mode
        if self.conversation is not None:
            self._set_mode(mode)
            self.conversation.supervise(self.leg.id, None if self.held else mode)

    def hold(self, held: bool) -> None:
        """His phone holds us, and may send music of its own: nobody is to hear it."""
        self.held = held
        if self.conversation is not None:
            self._record()
            self.conversation.supervise(self.leg.id, None if held else self.mode)

    def take_over(self) -> None:
        """He becomes the serving party; raises NotNow when there is no talk."""
        if self.conversation is None:
            raise NotNow("there is no call to take over now")
        self.conversation.call.post(TakeOverOrdered(self.id))

    def key(self, event: DigitHeard) -> None:
        act, mode = ACT_OF_KEY.get(event.digit), MODE_OF_KEY.get(event.digit)
        if act is None or mode is self.mode or not self.permits(self, act):
            return
        if mode is not None:
            self.change(mode)
        elif event.digit == TAKE_OVER_KEY and self.conversation is not None:
            self.take_over()

    def end(self, why: str) -> None:
        """Over, for whatever reason; the first one counts."""
        if self.over:
            return
        self.over = why
        self.detach(why)
        if self.row.ended is None:
            self._close_row(why)
        self.wake()

    def hand_over(self) -> tuple[Leg, AgentId | None]:
        """His leg, for the call that he takes over; it is not ours any more."""
        self._set_mode_word("take over")
        self.handed_over = True
        self.end("took over")
        if self.owner is not None:
            self.owner.legs.pop(self.leg.id, None)
            self.owner.stop(HANDED_OVER)
        return self.leg, self.wish.by

    # --- what is written --------------------------------------------------------------------------------------------

    def _set_mode(self, mode: Role) -> None:
        self._set_mode_word(mode.value)
        conversation = self.conversation
        if conversation is None:
            return
        self.recordings.mark(conversation.call, "supervisor", f"{self.leg.party} {mode.value}")
        self._record()

    def _record(self) -> None:
        """As long as the customer hears him; in stereo on the side of whoever serves."""
        if self.conversation is None:
            return
        if self.mode is Role.BARGE and not self.held:
            self.recordings.party(self.conversation.call, self.leg, f"supervisor:{self.wish.phone}")
        else:
            self.recordings.leave(self.conversation.call, self.leg)

    def _set_mode_word(self, word: str) -> None:
        modes = [*json.loads(self.row.modes), [round(self.services.clock.wall(), 3), word]]
        self.row = replace(self.row, modes=json.dumps(modes))
        self.services.store.supervision(self.row)

    def _close_row(self, why: str) -> None:
        self.row = replace(self.row, ended=self.services.clock.wall(), why=why)
        self.services.store.supervision(self.row)

    def _sound_tone(self) -> None:
        """To the agent, so that he knows."""
        settings = self.services.config.supervision
        if not settings.tone or self.conversation is None:
            return
        self.conversation.serving.play(TONE, self.services.config.general.language)
        if settings.tone_interval_s > 0:
            loop = asyncio.get_running_loop()
            self._tone = loop.call_later(settings.tone_interval_s, self._sound_tone)
