"""What a caller wants hidden: the Privacy header (RFC 3323 section 4.2, RFC 3325 section 9.3, RFC 7044 section 10.1.2), and
`privacy` of a Remote-Party-ID.

`id` and `user` hide who calls: From is anonymous, and only who is trusted is told more. `header` hides what else leads to
him: our Contact and the headers that he wrote. What is done is taken off the list; `id` stays for whoever is trusted.
"""

from dataclasses import dataclass

from softswitch.sip.grammar import fold
from softswitch.sip.message import Request

LONGEST = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    user: bool = False
    """Nobody learns who calls but those who are trusted."""
    headers: bool = False
    """What leads to him is hidden: his own headers, the user of Contact, where the call has been."""
    history: bool = False
    """Where the call has been is hidden."""
    critical: bool = False
    """Rather no call than one that shows it; all of it is always done here."""

    @property
    def left(self) -> tuple[str, ...]:
        """What the next one still has to see to."""
        return ("id", "critical") if self.user and self.critical else ("id",) if self.user else ()


OPEN = Privacy()
HIDDEN = Privacy(user=True)


def privacy_of(request: Request) -> Privacy:
    """`none` hides nothing, whatever stands beside it."""
    if "Privacy" not in request.headers:
        return OPEN
    text = ";".join(request.headers.get_all("Privacy"))[:LONGEST]
    words = {fold(word.strip(" \t")) for word in text.replace(",", ";").split(";")}
    if "none" in words:
        return OPEN
    return Privacy(
        user=not words.isdisjoint(("id", "user")),
        headers="header" in words,
        history="history" in words,
        critical="critical" in words,
    )
