"""Proves that a registration is read as it was written, and that one which leads to no place is refused.

Does not prove when rows are written.
"""

import pytest

from softswitch.app.registrations import binding_of, registration_row
from softswitch.errors import PeerError
from softswitch.store.rows import RegistrationRow


def row(source: str) -> RegistrationRow:
    return RegistrationRow(
        endpoint="1001", contact="sip:1001@192.0.2.11", call_id="a", cseq=1, expires=99.0, path="[]", source=source,
        user_agent="", registered=1.0, instance="",
    )  # fmt: skip


@pytest.mark.parametrize("source", ["udp:192.0.2.11:5060", "udp:2001:db8::1:5060"])
def test_what_is_written_is_read(source: str) -> None:
    assert registration_row(binding_of(row(source))) == row(source)


@pytest.mark.parametrize(
    "source", ["udp:192.0.2.11:99999", "udp:192.0.2.11:0", "udp:nowhere:5060", "at:192.0.2.11:5060"]
)
def test_what_leads_to_no_place_is_refused(source: str) -> None:
    with pytest.raises(PeerError):
        binding_of(row(source))
