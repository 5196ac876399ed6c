"""Proves that listeners, advertised addresses, origins and TLS of the configuration are checked, and what they mean."""

from dataclasses import replace
from pathlib import Path

import pytest

from softswitch.config.crosscheck import crosscheck
from softswitch.config.schema import Config
from softswitch.config.sip import Sip
from softswitch.config.transport_checks import advertised_address, listen_address, origin, tls_files
from softswitch.config.transports import TrunkTls
from softswitch.config.trunks import Trunk


def findings(**sip: object) -> list[str]:
    return [f"{'.'.join(map(str, one.path))}: {one.message}" for one in crosscheck(Config(sip=Sip(**sip)))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("udp://[::1]:5060", ("udp", "::1", 5060)),
        ("wss://0.0.0.0:443", ("wss", "0.0.0.0", 443)),
        ("tls://192.0.2.1:5061", ("tls", "192.0.2.1", 5061)),
    ],
)
def test_addresses_to_listen_on(text: str, address: tuple[str, str, int]) -> None:
    assert listen_address(text) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.5", ("203.0.113.5", 0)),
        ("203.0.113.5:15060", ("203.0.113.5", 15060)),
        ("2001:db8::5", ("2001:db8::5", 0)),
        ("[2001:db8::5]:5061", ("2001:db8::5", 5061)),
    ],
)
def test_advertised_addresses(text: str, address: tuple[str, int]) -> None:
    assert advertised_address(text) == address


@pytest.mark.parametrize("text", ["sip.example.com", "203.0.113.5:0", "203.0.113.5:70000", "203.0.113", ""])
def test_what_is_no_advertised_address(text: str) -> None:
    with pytest.raises(ValueError, match="expected ADDRESS"):
        advertised_address(text)


def test_origins() -> None:
    origin("https://phones.example.com:8443")
    for text in ("phones.example.com", "wss://x", "https://x/path"):
        with pytest.raises(ValueError, match="no origin"):
            origin(text)


def test_what_does_not_fit_together_is_named() -> None:
    tls = "tls://127.0.0.1:5061"
    assert findings(listen=(tls,)) == [f"sip.listen.0: {tls} needs sip.tls_certificate"]
    assert findings(listen=("udp://127.0.0.1:5060",))[0].endswith(
        "tcp://127.0.0.1:5060, where nobody listens"
    )
    assert "is not in sip.listen" in findings(advertised={"udp://0.0.0.0:5061": "203.0.113.5"})[0]
    assert "sip.tls_clients" in findings(tls_clients="required")[0]
    both = ("tcp://127.0.0.1:5061", tls)
    assert any("already listened on" in one for one in findings(listen=both, tls_certificate="x"))


def test_trunks_of_one_host_agree_on_tls() -> None:
    one = Trunk(host="sips:sip.example.com", tls=TrunkTls())
    other = replace(one, host="sip:sip.example.com:5071;transport=tls", tls=TrunkTls(verify="none"))
    found = crosscheck(Config(trunk={"a": one, "b": other}))
    assert [finding.path for finding in found if "same host" in finding.message] == [("trunk", "b", "tls")]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    config = Config(sip=Sip(tls_certificate=str(tmp_path / "none.pem"), tls_ca=str(tmp_path)))
    assert [(one.path, "No such file" in one.message) for one in tls_files(config)] == [
        (("sip", "tls_certificate"), True)
    ]
