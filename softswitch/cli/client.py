"""The command line's side of the control API: HTTP over the Unix socket, one request at a time.

Built on `http.client` and nothing heavier, so that `softswitch status` answers at once.
"""

import http.client
import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from softswitch.errors import OurError

MAX_ANSWER_BYTES = 64 << 20
TIMEOUT_S = 30.0
MAX_LINE_BYTES = 1 << 20


class NotRunning(OurError):
    """Nobody answers on the control socket."""


class Refused(OurError):
    """The switch answered with an error."""

    def __init__(self, status: int, error: str, hint: str, body: Any = None) -> None:
        super().__init__(error)
        self.status = status
        self.hint = hint
        self.body = body
        """The whole answer."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self._path))


class Client:
    def __init__(self, path: Path, token: str = "") -> None:
        """`token`: who asks; without one it is the user of this process."""
        self.path = path
        self._proof = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, *parts: str, **query: object) -> Any:
        """The answer's JSON; a query of None or "" is left out."""
        return self._ask("GET", parts, query, None)

    def stream(self, *parts: str, within_s: float | None = None, **query: object) -> Iterator[dict[str, Any]]:
        """Lines of JSON as they come, until the switch ends or the time is over. First an empty one: it has begun."""
        ends = None if within_s is None else time.monotonic() + within_s
        connection = _UnixConnection(self.path)
        try:
            with self._explained():
                connection.request("GET", _target(parts, query), headers=self._proof)
                response = connection.getresponse()
                if response.status >= 300:
                    answer = response.read(MAX_ANSWER_BYTES)
                    self._refused(response.status, json.loads(answer) if answer else None)
                yield {}
                yield from self._lines(connection, response, ends)
        finally:
            connection.close()

    def _lines(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, ends: float | None
    ) -> Iterator[dict[str, Any]]:
        """A line may come in pieces when a wait for it is cut short."""
        rest = b""
        while True:
            left = TIMEOUT_S if ends is None else ends - time.monotonic()
            if left <= 0:
                return
            if connection.sock is not None:
                connection.sock.settimeout(min(left, TIMEOUT_S))
            try:
                piece = response.read1(MAX_LINE_BYTES)
            except TimeoutError:
                if ends is None:
                    raise
                return
            if not piece:
                return
            *lines, rest = (rest + piece).split(b"\n")
            yield from (json.loads(line) for line in lines if line.strip())

    def download(self, file: Path, *parts: str) -> None:
        """Write what is answered to a new file."""
        with file.open("xb") as out:
            for piece in self._pieces(parts):
                out.write(piece)

    def _pieces(self, parts: tuple[str, ...]) -> Iterator[bytes]:
        connection = _UnixConnection(self.path)
        try:
            with self._explained():
                connection.request("GET", _target(parts, {}), headers=self._proof)
                response = connection.getresponse()
                refused = response.read(MAX_ANSWER_BYTES) if response.status >= 300 else None
            if refused is not None:
                self._refused(response.status, json.loads(refused) if refused else None)
            while True:
                with self._explained():
                    piece = response.read(MAX_LINE_BYTES)
                if not piece:
                    return
                yield piece
        finally:
            connection.close()

    def post(self, *parts: str, body: Mapping[str, object] | None = None) -> Any:
        return self._ask("POST", parts, {}, body or {})

    def delete(self, *parts: str) -> Any:
        return self._ask("DELETE", parts, {}, None)

    def _ask(self, method: str, parts: tuple[str, ...], query: Mapping[str, object], body: object) -> Any:
        content = None if body is None else json.dumps(body)
        status, answer = self._exchange(method, _target(parts, query), content)
        if status >= 300:
            self._refused(status, answer)
        return answer

    def _refused(self, status: int, answer: Any) -> NoReturn:
        told = answer if isinstance(answer, dict) else {}
        error = str(told.get("error") or f"the switch answered {status}")
        raise Refused(status, error, str(told.get("hint") or ""), answer)

    def _exchange(self, method: str, target: str, content: str | None) -> tuple[int, Any]:
        connection = _UnixConnection(self.path)
        try:
            with self._explained():
                connection.request(
                    method, target, content, {"Content-Type": "application/json", **self._proof}
                )
                response = connection.getresponse()
                answer = response.read(MAX_ANSWER_BYTES)
                return response.status, json.loads(answer) if answer else None
        finally:
            connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What goes wrong on the way, in words."""
        try:
            yield
        except PermissionError:
            raise NotRunning(
                f"the switch at {self.path} belongs to another user; ask as that user, or be in general.control_group"
            ) from None
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, NotADirectoryError):
            raise NotRunning(f"no switch is running at {self.path}; start one with: softswitch run") from None
        except TimeoutError:
            raise NotRunning(f"the switch at {self.path} does not answer within {TIMEOUT_S:g} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotRunning(f"{self.path} does not answer as a switch does: {error}") from None


def _target(parts: tuple[str, ...], query: Mapping[str, object]) -> str:
    given = {key: str(value) for key, value in query.items() if value not in (None, "")}
    target = "/v1/" + "/".join(quote(part, safe="") for part in parts)
    return target + ("?" + urlencode(given) if given else "")
