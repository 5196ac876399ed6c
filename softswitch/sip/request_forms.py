"""Requests that are made of another one: the ACK of a failure (RFC 3261 section 17.1.1.3) and CANCEL (section 9.1)."""

from softswitch.sip.headers import Headers
from softswitch.sip.message import Request, Response


def ack_of_failure(invite: Request, response: Response) -> Request:
    """The ACK of a 300-699: same branch, the To of the response, and nothing that the INVITE carried beyond its way."""
    return _same_way(invite, "ACK", to=response.headers)


def cancel_of(invite: Request) -> Request:
    """The CANCEL of a pending INVITE, hop by hop on its branch."""
    return _same_way(invite, "CANCEL", to=invite.headers)


def _same_way(invite: Request, method: str, *, to: Headers) -> Request:
    headers = Headers()
    headers.add("Via", str(invite.top_via))
    headers.add("Max-Forwards", "70")
    headers.copy_from(invite.headers, "Route")
    headers.copy_from(invite.headers, "From")
    headers.copy_from(to, "To")
    headers.copy_from(invite.headers, "Call-ID")
    headers.add("CSeq", f"{invite.cseq.number} {method}")
    return Request(method, str(invite.uri), headers)
