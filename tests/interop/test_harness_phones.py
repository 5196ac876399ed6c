"""Proves that baresip and pyVoIP register, answer, speak and hear under our control, with SIPp at the other end.

Does not prove anything of the switch.
"""

from pathlib import Path

import pytest

from tools.peers.baresip import Baresip
from tools.peers.pyvoip import PyVoipPhone
from tools.peers.rtp_party import RtpParty
from tools.peers.scenario import Scenario
from tools.peers.sipp import Sipp
from tools.peers.speech import HEARD, correlation, sentence

pytestmark = pytest.mark.interop


def _registrar(folder: Path) -> Sipp:
    return Sipp(
        Scenario("registrar", "r").registrar(password="pw"),
        folder / "registrar",
        address="127.0.0.31",
        calls=2,
    )


def test_baresip_answers_speaks_hears_and_presses(tmp_path: Path) -> None:
    with _registrar(tmp_path) as registrar, RtpParty("127.0.0.10") as party:
        phone = Baresip("1001", tmp_path / "phone", ("127.0.0.31", registrar.port), password="pw", address="127.0.0.22",
                        speech=sentence(1))  # fmt: skip
        with phone:
            scenario = Scenario("caller", "600", number="1001").invite().connected().pause(4.5).bye()
            with Sipp(scenario, tmp_path / "caller", remote=(phone.address, phone.port), address="127.0.0.10",
                      media=(party.address, party.port)) as caller:  # fmt: skip
                phone.wait_event("CALL_ESTABLISHED")
                party.wait_packets(1)
                party.play(sentence(2))
                phone.press("5")
                assert caller.wait(10).exit_code == 0
            phone.wait_event("CALL_CLOSED")
        assert party.digits == ["5"]
        assert correlation(sentence(1), party.heard()).score > HEARD
        assert correlation(sentence(2), phone.heard()).score > HEARD
        assert correlation(sentence(3), phone.heard()).score < 0.45


def test_pyvoip_answers_speaks_and_hears(tmp_path: Path) -> None:
    with RtpParty("127.0.0.31") as party:
        registrar = _registrar(tmp_path).start()
        phone = PyVoipPhone("1001", "pw", tmp_path / "phone", ("127.0.0.31", registrar.port), address="127.0.0.22",
                            speech=sentence(1))  # fmt: skip
        with phone:
            registrar.stop()
            scenario = Scenario("caller", "600", number="1001").invite().connected().pause(4.5).bye()
            with Sipp(scenario, tmp_path / "caller", remote=(phone.address, phone.port), address="127.0.0.31",
                      port=registrar.port, media=(party.address, party.port)) as caller:  # fmt: skip
                phone.wait("answered")
                party.wait_packets(1)
                party.play(sentence(2)).press("7")
                assert caller.wait(10).exit_code == 0
            assert phone.wait("done")["digits"] == "7"
        assert correlation(sentence(1), party.heard()).score > HEARD
        assert correlation(sentence(2), phone.heard()).score > HEARD
        assert correlation(sentence(3), phone.heard()).score < 0.45
