"""Proves how Refer-To and Replaces are read: RFC 3515 and 3891 forms, bounds, and that what cannot be read is a ParseError
with the status to answer with.
"""

import pytest

from softswitch.sip.errors import ParseError
from softswitch.sip.refer import ReferTo
from softswitch.sip.replaces import Replaces

HOLDS = "12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994"


def test_the_forms_of_the_standards() -> None:
    plain = ReferTo.parse("sip:dave@denver.example.org")
    assert (plain.uri.user, plain.replaces) == ("dave", None)
    attended = ReferTo.parse(f"<sip:dave@denver.example.org;method=INVITE?Replaces={HOLDS}&Require=replaces>")
    assert str(attended.uri) == "sip:dave@denver.example.org"
    assert attended.replaces == Replaces(call_id="12345@192.168.118.3", to_tag="12345", from_tag="5FFE-3994")
    assert ReferTo.parse(f"sip:dave@denver.example.org?Replaces={HOLDS}").replaces == attended.replaces
    early = Replaces.parse("98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff;early-only")
    assert early.early_only and Replaces.parse(str(early)) == early
    assert ReferTo.parse("<tel:+34911>").uri.user == "+34911"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 400),
        ("<sip:a@b>, <sip:c@d>", 400),
        ("<sip:a@b;method=BYE>", 400),
        ("<http://a>", 416),
        (f"<sip:a@b?Replaces={HOLDS}&Replaces={HOLDS}>", 400),
        ("<sip:a@b?Replaces=x>", 400),
        ("<sip:a@b?Replaces=%00>", 400),
        ("<sip:a@b?" + "&".join(f"h{n}=1" for n in range(9)) + ">", 400),
        ("<sip:" + "a" * 3000 + "@b>", 400),
        ("<sip:a@b?Replaces=" + "a" * 600 + "%3Bto-tag%3Da%3Bfrom-tag%3Db>", 400),
    ],
)
def test_what_is_refused(text: str, status: int) -> None:
    with pytest.raises(ParseError) as refused:
        ReferTo.parse(text)
    assert refused.value.sip_status == status
