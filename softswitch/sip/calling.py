"""What the answers to our INVITE mean to its session (RFC 3261 section 13.2.2)."""

from softswitch.errors import PeerError
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.events import Answered, Refused
from softswitch.sip.message import Response
from softswitch.sip.refusal import refusal_of
from softswitch.sip.sdp_body import description_in
from softswitch.sip.session import Session
from softswitch.sip.session_state import SessionInput, SessionState

_S, _I = SessionState, SessionInput


class Calling:
    """The `InviteListener` of a session, until that is over."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def invite_headers(self) -> tuple[tuple[str, str], ...]:
        timer = self._session.refresh.timer
        return (*timer.extensions.asked(), *timer.offered())

    def worth_asking_again(self, response: Response) -> bool:
        return self._session.refresh.timer.learn_too_small(response)

    def early_client(self, response: Response) -> DialogClient | None:
        early = self._session.early
        return early.client(response) if early is not None else None

    def provisional(self, response: Response, now: float) -> None:
        session = self._session
        if not session.step(_I.PROVISIONAL) or response.status == 100 or session.early is None:
            return
        progress = session.early.heard(response)
        if progress is not None:
            session.tell(progress)

    def succeeded(self, client: DialogClient, response: Response, now: float) -> bool:
        session = self._session
        wanted = session.state is not _S.CANCELLING
        if not session.step(_I.SUCCESS):
            return False
        if wanted:
            early, request = session.early, session.request
            try:
                sdp = early.answer_in(response) if early is not None else description_in(response)
            except PeerError:
                session.step(_I.UNREADABLE)
                session.tell(Refused(status=488, reason="the answer cannot be read", local=True))
                wanted = False
            else:
                session.adopt(client, described=request.body if request is not None else b"", heard=response)
                session.refresh.timer.granted(response, now)
                session.tell(Answered(sdp=sdp))
        if not wanted:
            session.finish()
        return wanted

    def failed(self, status: int, response: Response | None, now: float) -> None:
        session = self._session
        wanted = session.state is not _S.CANCELLING
        if session.step(_I.FAILURE):
            if wanted:
                session.tell(refusal_of(status, response))
            session.finish()
