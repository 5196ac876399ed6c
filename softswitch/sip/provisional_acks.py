"""The caller's side of reliable provisionals (RFC 3262 section 4): PRACK, in order, for those of one INVITE in one dialog.

What such a response says is its owner's; this only tells which of them count.
"""

import re

from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.extension_rules import RELIABLE
from softswitch.sip.message import Response
from softswitch.sip.unheeded import any_failure, any_response

_RSEQ = re.compile(r"[1-9][0-9]{0,9}")


class ProvisionalAcks:
    __slots__ = ("_client", "_latest")

    def __init__(self, client: DialogClient) -> None:
        self._client = client
        self._latest = 0
        """RSeq of the one that counted last; 0 before the first."""

    def take(self, response: Response) -> bool:
        """Acknowledge a reliable one; False: it came before, or behind a gap, and is to be dropped."""
        number = rseq_of(response)
        if self._latest and number != self._latest + 1:
            return False
        self._latest = number
        self._client.request(
            "PRACK",
            headers=(("RAck", f"{number} {response.cseq}"),),
            on_response=any_response,
            on_failure=any_failure,
        )
        return True


def rseq_of(response: Response) -> int:
    """Its RSeq; 0 when it asks for no acknowledgement."""
    headers = response.headers
    if "rseq" not in headers.keys or RELIABLE not in (tag.lower() for tag in headers.get_list("Require")):
        return 0
    text = headers.get("RSeq") or ""
    return int(text) if _RSEQ.fullmatch(text) else 0
