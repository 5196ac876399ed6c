"""The response context of RFC 3261 section 16.7: final responses of all branches, and which of them goes back.

Step 6: a 6xx before all; else the lowest class, and within 4xx what tells the caller how to try again. Challenges of all
branches go back together (step 7). A 503 of a branch is not ours to repeat: it would say that we are overloaded.
"""

from softswitch.sip.message import Response

_TELLING = (401, 407, 415, 420, 484)
_TELLS_LITTLE = (408, 430, 480, 487)
_CHALLENGES = (("www-authenticate", "WWW-Authenticate"), ("proxy-authenticate", "Proxy-Authenticate"))
MAX_CHALLENGES = 16


class ResponseContext:
    """Responses are as they go back: without our Via."""

    __slots__ = ("_finals",)

    def __init__(self) -> None:
        self._finals: list[Response] = []

    def add(self, response: Response) -> None:
        """A final response other than 2xx."""
        self._finals.append(response)

    @property
    def global_failure(self) -> bool:
        return any(response.status >= 600 for response in self._finals)

    def best(self) -> Response | None:
        """None: no branch has answered."""
        if not self._finals:
            return None
        best = min(self._finals, key=_rank)
        if best.status in (401, 407):
            self._gather_challenges(best)
        elif best.status == 503:
            best = Response(500, "Server Internal Error", best.headers, best.body)
        elif best.status == 430:
            best = Response(480, "Temporarily Unavailable", best.headers, best.body)
        return best

    def _gather_challenges(self, best: Response) -> None:
        for key, name in _CHALLENGES:
            gathered = 0
            for other in self._finals:
                if other is best or other.status not in (401, 407) or key not in other.headers.keys:
                    continue
                for value in other.headers.get_all(name):
                    if gathered < MAX_CHALLENGES:
                        best.headers.add(name, value)
                        gathered += 1


def _rank(response: Response) -> tuple[int, int]:
    status = response.status
    if status >= 600:
        return 0, status
    if status in _TELLING:
        return status // 100, _TELLING.index(status) - 10
    return status // 100, 1 if status in _TELLS_LITTLE else 0
