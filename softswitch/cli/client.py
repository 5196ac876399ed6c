"""The command line's side of the control API: HTTP over the Unix socket, one request at a time.

Built on `http.client` and nothing heavier, so that `softswitch status` answers at once.
"""

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from softswitch.errors import OurError

MAX_ANSWER_BYTES = 64 << 20
TIMEOUT_S = 30.0


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
    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, *parts: str, **query: object) -> Any:
        """The answer's JSON; a query of None or "" is left out."""
        return self._ask("GET", parts, query, None)

    def post(self, *parts: str, body: Mapping[str, object] | None = None) -> Any:
        return self._ask("POST", parts, {}, body or {})

    def delete(self, *parts: str) -> Any:
        return self._ask("DELETE", parts, {}, None)

    def _ask(self, method: str, parts: tuple[str, ...], query: Mapping[str, object], body: object) -> Any:
        given = {key: value for key, value in query.items() if value not in (None, "")}
        target = "/v1/" + "/".join(quote(part, safe="") for part in parts)
        if given:
            target += "?" + urlencode({key: str(value) for key, value in given.items()})
        content = None if body is None else json.dumps(body)
        status, answer = self._exchange(method, target, content)
        if status >= 300:
            told = answer if isinstance(answer, dict) else {}
            error = str(told.get("error") or f"the switch answered {status}")
            raise Refused(status, error, str(told.get("hint") or ""), answer)
        return answer

    def _exchange(self, method: str, target: str, content: str | None) -> tuple[int, Any]:
        connection = _UnixConnection(self.path)
        try:
            connection.request(method, target, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read(MAX_ANSWER_BYTES)
            return response.status, json.loads(answer) if answer else None
        except PermissionError:
            raise NotRunning(f"the switch at {self.path} belongs to another user; ask as that user") from None
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, NotADirectoryError):
            raise NotRunning(f"no switch is running at {self.path}; start one with: softswitch run") from None
        except TimeoutError:
            raise NotRunning(f"the switch at {self.path} does not answer within {TIMEOUT_S:g} s") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotRunning(f"{self.path} does not answer as a switch does: {error}") from None
        finally:
            connection.close()
