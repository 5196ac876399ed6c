"""A SIPp phone that watches something: subscribes, wants each NOTIFY to say what it should, and ends its subscription.

Lines of what is wanted are regular expressions that must match in the NOTIFY, in order: `version=.1.` proves that no
NOTIFY was left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

_ANSWER = """\
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

  ]]></send>
"""


@dataclass
class WatchScenario:
    """`xml()` is what SIPp reads."""

    name: str
    user: str
    """Its own name."""
    watched: str
    """User part of what it watches."""
    event: str = "dialog"
    notifies: Sequence[Sequence[str]] = field(default_factory=tuple)
    """For each NOTIFY while it watches, the expressions that must be found in it."""

    def xml(self) -> str:
        steps = [self._subscribe(1, 600), '  <recv response="200" rrs="true"/>\n']
        for wanted in self.notifies:
            steps += [self._notified(("Subscription-State: active", *wanted)), _ANSWER]
        steps += [self._subscribe(2, 0), '  <recv response="200"/>\n']
        steps += [self._notified(("Subscription-State: terminated;reason=timeout",)), _ANSWER]
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{self.name}">\n{"".join(steps)}</scenario>\n'

    def _subscribe(self, number: int, expires: int) -> str:
        tag = "[peer_tag_param]" if number > 1 else ""
        return f"""\
  <send retrans="500"><![CDATA[
SUBSCRIBE sip:{self.watched}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
Max-Forwards: 70
From: <sip:{self.user}@[local_ip]:[local_port]>;tag=watch[call_number]
To: <sip:{self.watched}@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {number} SUBSCRIBE
Contact: <sip:{self.user}@[local_ip]:[local_port];transport=[transport]>
Event: {self.event}
Expires: {expires}
Content-Length: 0

  ]]></send>
"""

    def _notified(self, wanted: Sequence[str]) -> str:
        checks = "".join(
            f'    <ereg regexp="{escape(each, {chr(34): "&quot;"})}" search_in="msg" check_it="true" '
            f'assign_to="found"/>\n'
            for each in wanted
        )
        return (
            f'  <recv request="NOTIFY" timeout="120000"><action>\n{checks}'
            '    <test assign_to="seen" variable="found" compare="not_equal" value="-1"/>\n  </action></recv>\n'
        )
