"""Which SIP extensions count with one party, by its configuration (RFC 3261 sections 8.2.2.3 and 21.4.16).

Owns what is left out of Supported for it, what its calls must be able to, and how a call that does not fit is refused: 420
names what is not served, 421 what is wanted. Everything that can be left out or wanted is an option tag.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from softswitch.config.endpoints import Endpoint
from softswitch.config.schema import Config
from softswitch.config.trunks import Trunk
from softswitch.errors import PeerError
from softswitch.sip.capabilities import EXTENSIONS
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response
from softswitch.sip.screening import BadExtension

RELIABLE = "100rel"
TIMER = "timer"


@dataclass(frozen=True, slots=True)
class ExtensionRules:
    without: frozenset[str] = frozenset()
    """As if we had never heard of them."""
    wanted: frozenset[str] = frozenset()
    """Its calls must know them, and ours require them."""

    @property
    def supported(self) -> tuple[str, str]:
        """What it is told that we can do."""
        return _supported(self.without)

    def asked(self) -> tuple[tuple[str, str], ...]:
        """Headers of our INVITEs."""
        require = (("Require", ", ".join(sorted(self.wanted))),) if self.wanted else ()
        return (self.supported, *require)

    def check(self, invite: Request) -> None:
        """Raises BadExtension or ExtensionWanted."""
        if self.without and "require" in invite.headers.keys:
            bad = tuple(tag for tag in invite.headers.get_list("Require") if tag.lower() in self.without)
            if bad:
                raise BadExtension(bad)
        if self.wanted:
            missing = tuple(sorted(tag for tag in self.wanted if not supports(invite, tag)))
            if missing:
                raise ExtensionWanted(missing)


ALL = ExtensionRules()
"""Of most parties: whatever both sides can do."""


class ExtensionWanted(PeerError):
    """A caller cannot do what its configuration wants of it."""

    sip_status = 421

    def __init__(self, missing: tuple[str, ...]) -> None:
        super().__init__(f"without {', '.join(missing)}")
        self.headers = (("Require", ", ".join(missing)),)


def supports(message: Request | Response, option: str) -> bool:
    """Whether Supported or Require names it; option tags know no case."""
    headers = message.headers
    for key in ("supported", "require"):
        if key in headers.keys and option in [tag.lower() for tag in headers.get_list(key)]:
            return True
    return False


def rules_of(party: Endpoint | Trunk | None) -> ExtensionRules:
    timer = party is None or party.session_timer != "off"
    return _rules(timer, party.reliable_provisionals if isinstance(party, Trunk) else "supported")


@lru_cache(maxsize=16)
def _rules(timer: bool, reliable: str) -> ExtensionRules:
    without = {tag for tag, off in ((TIMER, not timer), (RELIABLE, reliable == "off")) if off}
    wanted = {RELIABLE} if reliable not in ("supported", "off") else ()
    return ExtensionRules(frozenset(without), frozenset(wanted)) if without or wanted else ALL


def rules_by_party(config: Config) -> Mapping[Identity, ExtensionRules]:
    """Of those with whom not everything counts that we can do."""
    trunks = ((Identity("trunk", name), rules_of(each)) for name, each in config.trunk.items())
    phones = ((Identity("endpoint", name), rules_of(each)) for name, each in config.endpoint.items())
    return {identity: rules for identity, rules in (*trunks, *phones) if rules is not ALL}


@lru_cache(maxsize=64)
def _supported(without: frozenset[str]) -> tuple[str, str]:
    return "Supported", ", ".join(sorted(EXTENSIONS - without))
