"""One client of the manager interface: logs in, asks, hears events of the classes it wants. Bytes in, bytes out.

Read-only: what would change anything is refused as to a user without the right to. Owns no socket and no clock; a client
that could not prove who it is has its connection closed, as Asterisk does.
"""

import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from softswitch.asterisk.centre import Centre
from softswitch.asterisk.manager_lists import queue_status, queue_summary, show_channels
from softswitch.asterisk.manager_message import Action, ActionReader, Fields, TooMuch, message

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
"""The version of Asterisk 22: clients look at it for the fields that they may expect."""
MAX_ASKED = 32
"""Actions not answered yet."""
CLASSES = frozenset({"system", "call", "agent"})
"""Classes of events that there are here."""
WRITES = frozenset(
    {
        *("queueadd", "queueremove", "queuepause", "queuepenalty", "queuememberringinuse", "queuerule"),
        *("queuereload", "queuereset", "queuelog", "queuechangeprioritycaller", "queuewithdrawcaller"),
        *("originate", "hangup", "redirect", "atxfer", "bridge", "command", "reload", "setvar", "monitor"),
        *("getconfig", "updateconfig", "park", "playdtmf", "dbput", "dbdel", "agentlogoff"),
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    user: str
    secret: str

    def __repr__(self) -> str:
        return f"<Account {self.user}>"


class ManagerSession:
    """`account` is asked at each log-in: it may have changed since the connection was made."""

    def __init__(
        self,
        centre: Centre,
        account: Callable[[], Account | None],
        challenge: str,
        wall: Callable[[], float],
    ) -> None:
        self._centre = centre
        self._account = account
        self._challenge = challenge
        """Decimal digits, fresh for this connection."""
        self._challenged = False
        self._wall = wall
        self._reader = ActionReader()
        self._asked: deque[Action] = deque()
        self.logged_in = False
        self.closing = False
        """Nothing more is to be read; what is waiting is still to be sent."""
        self.failed = False
        """It closes because it could not log in."""
        self._classes: frozenset[str] = frozenset()
        self._lists: dict[str, tuple[str, Callable[[Centre, Action], Iterator[bytes]]]] = {
            "queuestatus": ("Queue status will follow", queue_status),
            "queuesummary": ("Queue summary will follow", queue_summary),
            "coreshowchannels": ("Channels will follow", show_channels),
        }
        self._actions: dict[str, tuple[str, Callable[[Action], bytes]]] = {
            "events": ("Choose classes of events", self._events),
            "listcommands": ("List what can be asked", self._list_commands),
            "ping": ("See whether anybody is there", self._ping),
        }

    def wants(self, kind: str) -> bool:
        return self.logged_in and kind in self._classes

    def received(self, data: bytes) -> None:
        """What it sent; `answer` answers. Raises `TooMuch`."""
        self._asked.extend(self._reader.feed(data))
        if len(self._asked) > MAX_ASKED:
            raise TooMuch("too much is asked at once")

    def answer(self) -> bytes | None:
        """The answer to one action; None: all are answered. Lists are long, so that the next is made when this one is
        on its way."""
        return self._answer(self._asked.popleft()) if self._asked and not self.closing else None

    def _answer(self, action: Action) -> bytes:
        name = action.name.lower()
        if name == "challenge":
            return self._give_challenge(action)
        if name == "login":
            return self._login(action)
        if name == "logoff":
            self.closing = True
            return _response("Goodbye", action, [("Message", "Goodbye")])
        if not name:
            return _error(action, "Missing action in request")
        if not self.logged_in:
            return _error(action, "Permission denied")
        if name in self._actions:
            return self._actions[name][1](action)
        if name in self._lists:
            text, make = self._lists[name]
            head = _response("Success", action, [("EventList", "start"), ("Message", text)])
            return head + b"".join(make(self._centre, action))
        if name in WRITES:
            return _error(action, "Permission denied: this feed is read-only")
        return _error(action, "Invalid/unknown command: ListCommands lists those there are")

    # --- who it is --------------------------------------------------------------------------------------------------

    def _give_challenge(self, action: Action) -> bytes:
        if action.get("AuthType").lower() != "md5":
            return _error(action, "Must specify AuthType")
        self._challenged = True
        return _response("Success", action, [("Challenge", self._challenge)])

    def _login(self, action: Action) -> bytes:
        account = self._account()
        if account is None or not self._proven(account, action):
            self.closing = self.failed = True
            return _error(action, "Authentication failed")
        self.logged_in = True
        self._choose(action.get("Events") or "on")
        welcome = _response("Success", action, [("Message", "Authentication accepted")])
        if "system" not in self._classes:
            return welcome
        return welcome + message(
            [
                ("Event", "FullyBooted"),
                ("Privilege", "system,all"),
                ("Uptime", int(self._centre.uptime_s())),
                ("LastReload", int(self._centre.reloaded_s())),
                ("Status", "Fully Booted"),
            ]
        )

    def _proven(self, account: Account, action: Action) -> bool:
        """By the secret itself, or by MD5 of challenge and secret; never by a challenge that was not given."""
        known = hmac.compare_digest(action.get("Username").encode(), account.user.encode())
        if action.get("AuthType").lower() == "md5":
            wanted = hashlib.md5((self._challenge + account.secret).encode(), usedforsecurity=False)
            shown, right = action.get("Key").lower().encode(), wanted.hexdigest().encode()
            return hmac.compare_digest(shown, right) and known and self._challenged
        return hmac.compare_digest(action.get("Secret").encode(), account.secret.encode()) and known

    # --- what it asks -------------------------------------------------------------------------------------------------

    def _choose(self, mask: str) -> None:
        """`on`, `off`, or classes with commas between them; those that there are not here are nobody's fault."""
        words = {word.strip().lower() for word in mask.split(",")}
        everything = words & {"on", "all", "yes", "true", "1", "-1"}
        self._classes = CLASSES if everything else CLASSES & words

    def _events(self, action: Action) -> bytes:
        self._choose(action.get("EventMask"))
        return _response("Success", action, [("Events", "On" if self._classes else "Off")])

    def _ping(self, action: Action) -> bytes:
        return _response("Success", action, [("Ping", "Pong"), ("Timestamp", f"{self._wall():.6f}")])

    def _list_commands(self, action: Action) -> bytes:
        known = {
            "Challenge": "Ask for a challenge",
            "Login": "Log in",
            "Logoff": "Log off",
            **{_SPELLING[name]: text for name, (text, _) in self._actions.items()},
            **{_SPELLING[name]: text.removesuffix(" will follow") for name, (text, _) in self._lists.items()},
        }
        return _response(
            "Success", action, [(name, f"{text}  (Priv: <none>)") for name, text in known.items()]
        )


_SPELLING = {
    "events": "Events",
    "listcommands": "ListCommands",
    "ping": "Ping",
    "queuestatus": "QueueStatus",
    "queuesummary": "QueueSummary",
    "coreshowchannels": "CoreShowChannels",
}


def _response(kind: str, action: Action, fields: Fields) -> bytes:
    answering = [("ActionID", action.action_id)] if action.action_id else []
    return message([("Response", kind), *answering, *fields])


def _error(action: Action, text: str) -> bytes:
    return _response("Error", action, [("Message", text)])
