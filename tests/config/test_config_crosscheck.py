"""Proves each check of references, clashes and meanings: the key that is told and the words of it.

Does not prove where in the file it stands (`test_config_loader.py`).
"""

import textwrap
from pathlib import Path

import pytest

from softswitch.config.loader import load
from softswitch.config.problem import ConfigError

BASE = """
[endpoint.1001]
contact = "sip:1001@192.0.2.1"
[endpoint.1002]
contact = "sip:1002@192.0.2.2"
[trunk.north]
host = "sip:192.0.2.10"
[agent.ana]
endpoint = "1001"
skills = { sales = 3 }
[agent.dan]
endpoint = "1002"
skills = { support = 3 }
[calendar.office]
hours = { mon-fri = "09:00-17:00" }
[message.box]
[queue.sales]
members = [{ agent = "ana" }]
"""


def findings(folder: Path, text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Problems and warnings, key to message."""
    file = folder / "softswitch.toml"
    file.write_text(BASE + textwrap.dedent(text))
    try:
        warnings = load(file).warnings
    except ConfigError as error:
        return {problem.key: str(problem) for problem in error.problems}, {}
    return {}, {warning.key: str(warning) for warning in warnings}


def test_the_base_is_without_fault(tmp_path: Path) -> None:
    assert findings(tmp_path, "") == ({}, {})


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ('[route.1]\nto = "queue:sale"', "route.1.to", "did you mean 'sales'?"),
        (
            '[endpoint.1]\ncontact = "sip:1@192.0.2.3"\nmailbox = "bix"',
            "endpoint.1.mailbox",
            "did you mean 'box'?",
        ),
        (
            '[endpoint.1]\ncontact = "sip:1@192.0.2.3"\nmwi_unsolicited = true',
            "endpoint.1.mwi_unsolicited",
            "needs mailbox",
        ),
        (
            "[subscriptions]\ndefault_expires_s = 30",
            "subscriptions.default_expires_s",
            "does not lie between",
        ),
        ("[subscriptions]\nper_second = 0.0", "subscriptions.per_second", "at least 1"),
        ('[route.1]\nto = "extension:9999"', "route.1.to", "there is no endpoint '9999'"),
        ('[route.1]\nto = "trunk:nort/123"', "route.1.to", "did you mean 'north'?"),
        ('[route.1]\nto = "flow:main"', "route.1.to", "there is no flow 'main'"),
        ('[route.1]\nto = "hangup:rudely"', "route.1.to", "hangup takes"),
        ('[route.1]\nto = "hangup"\notherwise = "message:bix"', "route.1.otherwise", "did you mean 'box'?"),
        ('[route.1]\nto = "hangup"\nwhen = "ofice"', "route.1.when", "did you mean 'office'?"),
        ('[route.1]\nto = "hangup"\nsource = ["trunk:nrth"]', "route.1.source[0]", "did you mean 'north'?"),
        ('[route.1]\nto = "hangup"\nsource = ["anybody"]', "route.1.source[0]", "is no source"),
        ('[route."_[1"]\nto = "hangup"', 'route."_[1"', "bracket is not closed"),
        ('[route.1]\nto = "hangup"\nani = ["_."  , "_.X"]', "route.1.ani[1]", "may only stand at the end"),
        ('[queue.q]\nmembers = [{ agent = "anna" }]', "queue.q.members[0].agent", "did you mean 'ana'?"),
        (
            '[queue.q]\nmembers = [{ agent = "ana" }, { agent = "ana" }]',
            "queue.q.members[1].agent",
            "is a member twice",
        ),
        ('[queue.q]\non_empty = "queue:qq"', "queue.q.on_empty", "there is no queue 'qq'"),
        ('[queue.q]\nkeys = { "1" = "message:bx" }', "queue.q.keys.1", "did you mean 'box'?"),
        ('[queue.q]\nkeys = { "12" = "hangup" }', "queue.q.keys.12", "is no key of a phone"),
        ("[queue.q]\ntimeout = -1", "queue.q.timeout", "below zero"),
        ("[queue.q]\nservicelevel = inf", "queue.q.servicelevel", "is no length or count"),
        ("[queue.q]\nskills = { sales = 9 }", "queue.q.skills.sales", "1 (some) to 5 (expert)"),
        ('[agent.eva]\nendpoint = "101"', "agent.eva.endpoint", "did you mean '1001'?"),
        ('[agent.eva]\nendpoint = "1001"\npin = "abc"', "agent.eva.pin", "cannot be dialled"),
        ("[endpoint.1003]", "endpoint.1003", "neither auth nor contact"),
        ('[endpoint.1003]\ncontact = "1003@host"', "endpoint.1003.contact", "is no SIP address"),
        ('[trunk.south]\nhost = "sip:a"\nregister = {}', "trunk.south.register", "needs auth"),
        ('[trunk.south]\nhost = "sip:a"\nchallenge = true', "trunk.south.challenge", "needs auth"),
        (
            '[trunk.a]\nhost = "sip:a"\nmatch = ["198.51.100.0/24"]\n'
            '[trunk.b]\nhost = "sip:b"\nmatch = ["198.51.100.7"]',
            "trunk.b.match[0]",
            "overlaps 198.51.100.0/24 of trunk 'a'",
        ),
        (
            '[trunk.a]\nhost = "sip:a"\nmatch = ["198.51.100.7/24"]',
            "trunk.a.match[0]",
            "the network is 198.51.100.0/24",
        ),
        (
            '[sip]\nlisten = ["udp://0.0.0.0:5060", "udp://127.0.0.1:5060"]',
            "sip.listen[1]",
            "already listened on",
        ),
        ('[sip]\nlisten = ["sctp://0.0.0.0:5060"]', "sip.listen[0]", "expected udp://ADDRESS:PORT"),
        ('[sip]\nlisten = ["udp://localhost:5060"]', "sip.listen[0]", "is no address"),
        ("[sip]\nlisten = []", "sip.listen", "is empty"),
        ('[sip]\nlisten = ["udp://0.0.0.0:10500"]', "rtp.ports", "holds the SIP port 10500"),
        ("[sip]\nmin_expires_s = 4000", "sip.default_expires_s", "does not lie between"),
        ('[rtp]\nports = "10000-10002"', "rtp.ports", "fewer than 4 ports"),
        ('[rtp]\nports = "20000-10000"', "rtp.ports", "the first before the last"),
        ('[rtp]\nports = "10000"', "rtp.ports", "expected FIRST-LAST"),
        ('[rtp]\naddress = "here"', "rtp.address", "is no IP address"),
        ('[features]\nlogout = "*110"', "features.logout", "cannot be told from *11"),
        ('[route."*11"]\nto = "hangup"', 'route."*11"', "the feature code of login"),
        ('[calendar.c]\nhours = { mo = "09:00-10:00" }', "calendar.c.hours.mo", "mo"),
        ('[calendar.c]\nhours = { mon = "9 to 5" }', "calendar.c.hours.mon", "9 to 5"),
        ('[calendar.c]\nclosed = ["24.12."]', "calendar.c.closed", "24.12."),
        ('[calendar.c]\nholidays = { country = "XX" }', "calendar.c.holidays.country", "XX"),
        ('[recording]\ntemplate = "{recording}/{ani}"', "recording.template", "{ani} is not known"),
        ('[recording]\ntemplate = "{day}"', "recording.template", "lacks {recording}"),
        ('[recording]\ntemplate = "../{recording}"', "recording.template", "must stay below"),
        ('[general]\ndatabase = "mysql://x"', "general.database", "expected sqlite:///PATH"),
        ('[message."a b"]', 'message."a b"', "is no name"),
    ],
)
def test_what_is_wrong_is_told_at_its_key(tmp_path: Path, text: str, key: str, said: str) -> None:
    problems, _ = findings(tmp_path, text)
    assert list(problems) == [key]
    assert said in problems[key]


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ("[queue.q]", "queue.q", "every agent serves it"),
        (
            "[queue.q]\nskills = { french = 1 }",
            "queue.q.skills.french",
            "no agent of this queue has 'french'",
        ),
        ("[queue.q]\nskills = { suport = 1 }", "queue.q.skills.suport", "did you mean 'support'?"),
        ("[queue.q]\nskills = { sales = 5 }", "queue.q.skills.sales", "at level 5 or more"),
        ("[queue.q]\nskills = { sales = 1, support = 1 }", "queue.q.skills", "no one agent has all of them"),
        (
            '[queue.q]\nmembers = [{ agent = "ana" }]\nskills = { support = 1 }',
            "queue.q.skills.support",
            "no agent of this queue",
        ),
        (
            '[queue.q]\nmembers = [{ agent = "ana" }]\non_timeout = "queue:r"\n'
            '[queue.r]\nmembers = [{ agent = "ana" }]\non_timeout = "queue:q"',
            "queue.r.on_timeout",
            "q → r → q",
        ),
        ('[route."_0X."]\nto = "trunk:north"', 'route."_0X."', "at your cost"),
    ],
)
def test_what_works_but_hardly_as_meant_is_a_warning(tmp_path: Path, text: str, key: str, said: str) -> None:
    problems, warnings = findings(tmp_path, text)
    assert problems == {}
    assert list(warnings) == [key]
    assert said in warnings[key]


def test_an_overflow_that_turns_at_once_is_wrong(tmp_path: Path) -> None:
    problems, _ = findings(tmp_path, '[queue.q]\nmembers = [{ agent = "ana" }]\non_full = "queue:q"')
    assert list(problems) == ["queue.q.on_full"]
    assert "in a circle: q → q" in problems["queue.q.on_full"]


def test_two_phones_of_one_user_clash(tmp_path: Path) -> None:
    problems, _ = findings(
        tmp_path,
        '[endpoint.1]\nauth = { user = "u", secret = "p" }\n[endpoint.2]\nauth = { user = "u", secret = "p" }',
    )
    assert list(problems) == ["endpoint.2.auth.user"]
