"""Proves what configuration of groups, prices, numbers and the toll guard is refused, with what is said of it, and that
price lists are read from files with the line of what is wrong.

Does not prove what they do (`tests/story/test_story_failover.py`).
"""

from pathlib import Path

import pytest

from softswitch.config.loader import load
from softswitch.config.problem import ConfigError
from softswitch.config.rate_files import RATES

BASE = """
[trunk.north]
host = "sip:192.0.2.10"
[trunk.south]
host = "sip:192.0.2.20"
"""


def problems(folder: Path, text: str) -> str:
    file = folder / "softswitch.toml"
    file.write_text(BASE + text)
    with pytest.raises(ConfigError) as caught:
        load(file)
    return "\n".join(str(problem) for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[trunk_group.out]\nmembers = [{ trunk = "nroth" }]', "did you mean 'north'"),
        ("[trunk_group.out]\nmembers = []", "is empty"),
        ('[trunk_group.north]\nmembers = [{ trunk = "south" }]', "also the name of a trunk"),
        (
            '[trunk_group.out]\nmembers = [{ trunk = "south" }, { trunk = "south" }]',
            "is a member twice",
        ),
        ('[trunk_group.out]\nmembers = [{ trunk = "south" }]\nfailover_on = ["5x"]', "is no cause"),
        (
            '[route.1]\nto = "trunk:otu"\n[trunk_group.out]\nmembers = [{ trunk = "south" }]',
            "did you mean 'out'",
        ),
        ('[route.1]\nto = "lcr:wrold"\n[lcr.world]\nrates = []', "did you mean 'world'"),
        ("[lcr.world]\nrates = []", "has no prices"),
        ('[lcr.world]\nrates = [{ prefix = "+3", trunk = "north", cost = 1 }]', "is no prefix"),
        ('[lcr.world]\nrates = [{ prefix = "3", trunk = "norht", cost = 1.0 }]', "did you mean 'north'"),
        (
            '[lcr.world]\nrates = [{ prefix = "3", trunk = "north", cost = 1.0, when = "x" }]',
            "no calendar 'x'",
        ),
        ("[toll]\nenabled = true", "needs the country"),
        ('[trunk.west]\nhost = "sip:192.0.2.30"\nnumber_format = "national"', "needs the country"),
        ('[trunk.west]\nhost = "sip:192.0.2.30"\nheaders_pass = ["Via"]', "belongs to our own dialog"),
        (
            '[trunk.west]\nhost = "sip:192.0.2.30"\nheaders_add = { "Contact" = "x" }',
            "belongs to our own dialog",
        ),
        ('[trunk.west]\nhost = "sip:192.0.2.30"\nheaders_add = { "X-A" = "a\\r\\nVia: b" }', "printable"),
        ('[sip]\nname_servers = ["dns.example"]', "is no DNS server"),
        ('[sip]\nname_servers = ["192.0.2.1:99999"]', "is no port"),
    ],
)
def test_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in problems(tmp_path, text)


def test_a_list_of_registrars_and_one_alone(tmp_path: Path) -> None:
    file = tmp_path / "softswitch.toml"
    text = '[trunk.west]\nhost = "sip:h"\nauth = { secret = "s" }\n[trunk.west.register]\nserver = '
    for given, servers in (('["sip:a", "sip:b"]', ("sip:a", "sip:b")), ('"sip:a"', ("sip:a",)), ('""', ())):
        file.write_text(BASE + text + given)
        register = load(file).config.trunk["west"].register
        assert register is not None and register.servers == servers


def test_prices_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "rates.csv").write_text("prefix,trunk,cost\n+44,north,0.02\n44,south,0.01\n\n,south,1\n")
    file = tmp_path / "softswitch.toml"
    file.write_text(BASE + '[lcr.world]\nfile = "rates.csv"')
    rates = load(file).config.lcr["world"].rates
    assert [(rate.prefix, rate.trunk, rate.cost) for rate in rates] == [
        ("44", "north", 0.02),
        ("44", "south", 0.01),
        ("", "south", 1.0),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prefix;trunk;cost\n", "expected prefix,trunk,cost,when"),
        ("prefix,trunk,cost\n44,north,cheap\n", "line 2: 'cheap' is no price"),
        ("prefix,trunk,cost\n4x,north,1\n", "line 2: '4x' is no prefix"),
        ("prefix,trunk,cost\n44\n", "line 2: does not have the columns"),
        ("prefix,trunk,cost\n44,,1\n", "line 2: names no trunk"),
        ("prefix,trunk,cost\n44,nroth,1\n", "there is no trunk or group 'nroth'"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "rates.csv").write_text(content)
    assert said in problems(tmp_path, '[lcr.world]\nfile = "rates.csv"')


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in problems(tmp_path, '[lcr.world]\nfile = "rates.csv"')


def test_only_the_first_problems_of_a_file_are_told() -> None:
    _, told = RATES.parse("prefix,trunk,cost\n" + "x,y,z\n" * 1000)
    assert len(told) == 5
