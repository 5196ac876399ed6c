"""Proves which extensions a party is told of and asked for by its configuration, and how a call that does not fit is
refused: 420 with Unsupported, 421 with Require (RFC 3261 sections 8.2.2.3, 21.4.16).

That both reach the wire and the calls is proved in `tests/interop/test_reliable_provisionals_sipp.py` and
`tests/story/test_story_session_timers.py`.
"""

import pytest

from softswitch.config.endpoints import Endpoint
from softswitch.config.schema import Config
from softswitch.config.trunks import Trunk
from softswitch.sip.extension_rules import ALL, ExtensionRules, ExtensionWanted, rules_by_party, rules_of
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request
from softswitch.sip.screening import BadExtension
from softswitch.sip.uri import Uri

OFF = rules_of(Trunk(host="sip:a.example", reliable_provisionals="off"))
REQUIRED = rules_of(Trunk(host="sip:a.example", reliable_provisionals="required"))


def invite(*headers: tuple[str, str]) -> Request:
    return Request.build("INVITE", Uri.parse("sip:600@192.0.2.1"), headers=headers)


def supported(rules: ExtensionRules) -> list[str]:
    return rules.supported[1].split(", ")


def test_what_a_party_is_told() -> None:
    assert {"100rel", "timer", "replaces"} <= set(supported(ALL))
    assert supported(OFF) == [tag for tag in supported(ALL) if tag != "100rel"]
    neither = rules_of(Trunk(host="sip:a.example", reliable_provisionals="off", session_timer="off"))
    assert supported(neither) == [tag for tag in supported(ALL) if tag not in ("100rel", "timer")]
    assert REQUIRED.asked() == (ALL.supported, ("Require", "100rel"))
    assert ALL.asked() == (ALL.supported,)


def test_only_who_differs_is_kept() -> None:
    config = Config(
        trunk={
            "plain": Trunk(host="sip:a.example"),
            "off": Trunk(host="sip:b.example", reliable_provisionals="off"),
        },
        endpoint={"1001": Endpoint(contact="sip:1001@192.0.2.7", session_timer="off")},
    )
    found = rules_by_party(config)
    assert set(found) == {Identity("trunk", "off"), Identity("endpoint", "1001")}
    assert rules_of(None) is ALL


@pytest.mark.parametrize(
    ("rules", "headers"),
    [
        (ALL, (("Require", "100rel"),)),
        (OFF, (("Supported", "100rel, timer"),)),
        (OFF, (("Require", "timer"),)),
        (REQUIRED, (("Supported", "timer, 100REL"),)),
        (REQUIRED, (("Require", "100rel"),)),
    ],
)
def test_calls_that_fit(rules: ExtensionRules, headers: tuple[tuple[str, str], ...]) -> None:
    rules.check(invite(*headers))


def test_calls_that_do_not() -> None:
    with pytest.raises(BadExtension) as bad:
        OFF.check(invite(("Require", "timer, 100Rel")))
    assert (bad.value.sip_status, bad.value.headers) == (420, (("Unsupported", "100Rel"),))
    with pytest.raises(ExtensionWanted) as wanted:
        REQUIRED.check(invite(("Supported", "timer")))
    assert (wanted.value.sip_status, wanted.value.headers) == (421, (("Require", "100rel"),))
