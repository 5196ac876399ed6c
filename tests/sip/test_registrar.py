"""Proves the registrar step by step (RFC 3261 section 10.3): Require, addresses of record, wildcard, expiry, ordering,
all or nothing, several contacts, instances, Path, fetching, loops refused, and what survives a restart.

Does not prove authentication (`test_admission.py`) nor that changes are stored.
"""

import pytest

from softswitch.config.sip import Sip
from softswitch.ids import EndpointName
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.registrar import Binding, Registrar, RegistrarResult, RegistrarSettings
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

ALICE = EndpointName("1001")
SOURCE = Source("udp", "192.0.2.50", 5060)
NOW = 1_700_000_000.0
SETTINGS = RegistrarSettings(
    min_expires_s=60,
    default_expires_s=3600,
    max_expires_s=7200,
    max_contacts=3,
    own=frozenset({("192.0.2.1", 5060)}),
)
PHONE = "<sip:1001@192.0.2.50:5060>"


class Phone:
    """Sends REGISTER after REGISTER with a rising CSeq."""

    def __init__(self, registrar: Registrar | None = None, call_id: str = "phone") -> None:
        self.registrar = registrar or Registrar(SETTINGS)
        self.call_id = call_id
        self.cseq = 0

    def register(
        self,
        *contacts: str,
        now: float = NOW,
        cseq: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> RegistrarResult:
        self.cseq = self.cseq + 1 if cseq is None else cseq
        lines = [
            ("Via", "SIP/2.0/UDP 192.0.2.50;branch=z9hG4bK1"),
            ("From", "<sip:1001@pbx.example>;tag=1"),
            ("To", "<sip:1001@pbx.example>"),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} REGISTER"),
            *(("Contact", contact) for contact in contacts),
            *headers,
        ]
        request = parse_message(Request.build("REGISTER", "sip:pbx.example", headers=lines).to_bytes())
        assert isinstance(request, Request)
        request.validate()
        return self.registrar.register(request, ALICE, SOURCE, now, to_tag="t")

    def contacts(self, now: float = NOW) -> list[str]:
        return [str(binding.contact) for binding in self.registrar.bindings(ALICE, now)]


def expires(seconds: int | str) -> tuple[tuple[str, str], ...]:
    return (("Expires", str(seconds)),)


def events(result: RegistrarResult) -> list[tuple[str, str]]:
    return [(change.event, str(change.binding.contact)) for change in result.changes]


def shown(response: Response) -> list[tuple[str, str | None]]:
    return [(str(contact.uri), contact.params.get("expires")) for contact in response.contacts]


def test_a_phone_registers_refreshes_and_leaves() -> None:
    phone = Phone()
    first = phone.register(PHONE, headers=(*expires(300), ("User-Agent", "baresip\x1b[2J")))
    assert first.response.status == 200 and first.response.to_tag == "t"
    assert shown(first.response) == [("sip:1001@192.0.2.50:5060", "300")]
    assert first.response.headers.get("Date") == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert events(first) == [("registered", "sip:1001@192.0.2.50:5060")]
    binding = first.changes[0].binding
    assert binding == Binding(
        endpoint=ALICE,
        contact=Uri.parse("sip:1001@192.0.2.50:5060"),
        source=SOURCE,
        expires=NOW + 300,
        call_id="phone",
        cseq=1,
        user_agent="baresip[2J",
        registered=NOW,
    )
    second = phone.register(PHONE, now=NOW + 100, headers=expires(300))
    assert events(second) == [("refreshed", "sip:1001@192.0.2.50:5060")]
    assert second.changes[0].binding.expires == NOW + 400 and second.changes[0].binding.registered == NOW
    third = phone.register(PHONE, now=NOW + 200, headers=expires(0))
    assert events(third) == [("unregistered", "sip:1001@192.0.2.50:5060")]
    assert shown(third.response) == [] and phone.contacts() == []
    assert events(phone.register(PHONE, headers=expires(0))) == [], "removing what is not there is no error"


def test_unsupported_extensions() -> None:
    phone = Phone()
    result = phone.register(PHONE, headers=(("Require", "path, nothing"), ("Require", "else")))
    assert result.response.status == 420 and result.response.headers.get("Unsupported") == "nothing, else"
    assert phone.contacts() == [] and result.changes == ()
    assert phone.register(PHONE, headers=(("Require", "path"),)).response.status == 200


def test_domains() -> None:
    sip = Sip(domains=("PBX.example",))
    for settings, status in (
        (RegistrarSettings.from_config(sip), 200),
        (RegistrarSettings.from_config(Sip(domains=("other.example",)), [("192.0.2.1", 5060)]), 404),
        (RegistrarSettings.from_config(Sip(domains=("other.example",)), [("pbx.example", 5060)]), 200),
        (RegistrarSettings.from_config(Sip()), 200),
    ):
        assert Phone(Registrar(settings)).register(PHONE).response.status == status


@pytest.mark.parametrize(
    ("contacts", "headers"),
    [
        (("*",), ()),
        (("*",), expires(60)),
        (("*", PHONE), expires(0)),
        (("*;q=1",), expires(0)),
    ],
)
def test_wildcard_refused(contacts: tuple[str, ...], headers: tuple[tuple[str, str], ...]) -> None:
    phone = Phone()
    phone.register(PHONE)
    lines = [("Contact", contact) for contact in contacts]
    request = Request.build(
        "REGISTER",
        "sip:h",
        headers=[
            ("Via", "SIP/2.0/UDP h;branch=z9hG4bK1"),
            ("From", "<sip:1001@h>;tag=1"),
            ("To", "<sip:1001@h>"),
            ("Call-ID", "phone"),
            ("CSeq", "9 REGISTER"),
            *lines,
            *headers,
        ],
    )
    result = phone.registrar.register(request, ALICE, SOURCE, NOW, to_tag="t")
    assert result.response.status == 400 and result.changes == () and len(phone.contacts()) == 1


def test_wildcard_removes_all() -> None:
    phone = Phone()
    phone.register(PHONE, "<sip:1001@192.0.2.51>")
    result = phone.register("*", headers=expires(0))
    assert result.response.status == 200 and [event for event, _ in events(result)] == ["unregistered"] * 2
    assert phone.contacts() == []


def test_wildcard_that_was_overtaken_removes_nothing() -> None:
    phone = Phone()
    phone.register("<sip:old@h>", cseq=3)
    other = Phone(phone.registrar, "other")
    other.register("<sip:other@h>", cseq=9)
    result = phone.register("*", cseq=3, headers=expires(0))
    assert result.response.status == 500 and result.changes == () and len(phone.contacts()) == 2


@pytest.mark.parametrize(
    ("contact", "headers", "granted"),
    [
        (PHONE, (), 3600),
        (PHONE, expires(120), 120),
        (PHONE + ";expires=90", expires(120), 90),
        (PHONE, expires(99999), 7200),
        (PHONE + ";expires=" + "9" * 40, (), 7200),
        (PHONE + ";expires=soon", expires(120), 3600),
        (PHONE + ";expires", expires(120), 3600),
        (PHONE, expires(60), 60),
    ],
)
def test_granted_time(contact: str, headers: tuple[tuple[str, str], ...], granted: int) -> None:
    assert shown(Phone().register(contact, headers=headers).response)[0][1] == str(granted)


@pytest.mark.parametrize("seconds", [1, 59])
def test_too_brief(seconds: int) -> None:
    phone = Phone()
    result = phone.register("<sip:other@h>", f"{PHONE};expires={seconds}")
    assert result.response.status == 423 and result.response.headers.get("Min-Expires") == "60"
    assert phone.contacts() == [], "all or nothing"


def test_an_hour_is_never_too_brief() -> None:
    settings = RegistrarSettings(min_expires_s=7200, max_expires_s=86400)
    assert Phone(Registrar(settings)).register(PHONE, headers=expires(3600)).response.status == 200
    assert Phone(Registrar(settings)).register(PHONE, headers=expires(3599)).response.status == 423


def test_unreadable_expires() -> None:
    request = Request.build(
        "REGISTER",
        "sip:h",
        headers=[
            ("Via", "SIP/2.0/UDP h;branch=z9hG4bK1"),
            ("From", "<sip:1001@h>;tag=1"),
            ("To", "<sip:1001@h>"),
            ("Call-ID", "x"),
            ("CSeq", "1 REGISTER"),
            ("Contact", PHONE),
            ("Expires", "soon"),
        ],
    )
    assert Registrar(SETTINGS).register(request, ALICE, SOURCE, NOW, to_tag="t").response.status == 400


def test_order_within_one_call_id() -> None:
    phone = Phone()
    phone.register(PHONE, cseq=5)
    for cseq in (5, 4):
        result = phone.register(PHONE, "<sip:new@h>", cseq=cseq, headers=expires(0))
        assert result.response.status == 500 and result.changes == ()
    assert phone.contacts() == ["sip:1001@192.0.2.50:5060"]
    assert Phone(phone.registrar, "after-a-restart").register(PHONE, cseq=1).response.status == 200
    assert phone.register("<sip:another@h>", cseq=1).response.status == 200, (
        "order counts for each contact alone"
    )


def test_one_contact_in_two_spellings() -> None:
    phone = Phone()
    result = phone.register("<sip:%31001@192.0.2.50:5060;x=1>", PHONE)
    assert result.response.status == 200
    assert phone.contacts() == ["sip:1001@192.0.2.50:5060"]
    assert events(result) == [
        ("registered", "sip:%31001@192.0.2.50:5060;x=1"),
        ("unregistered", "sip:%31001@192.0.2.50:5060;x=1"),
        ("registered", "sip:1001@192.0.2.50:5060"),
    ]


def test_two_phones_on_one_address_of_record() -> None:
    phone = Phone()
    phone.register(PHONE)
    other = Phone(phone.registrar, "other-phone")
    result = other.register("<sip:1001@192.0.2.60>", now=NOW + 10)
    assert shown(result.response) == [("sip:1001@192.0.2.50:5060", "3590"), ("sip:1001@192.0.2.60", "3600")]
    assert phone.contacts() == ["sip:1001@192.0.2.60", "sip:1001@192.0.2.50:5060"], "the newest first"


def test_the_oldest_gives_way() -> None:
    phone = Phone()
    for number in (1, 2, 3):
        phone.register(f"<sip:{number}@h>", now=NOW + number)
    phone.register("<sip:1@h>", now=NOW + 4)
    result = phone.register("<sip:4@h>", now=NOW + 5)
    assert events(result) == [("unregistered", "sip:2@h"), ("registered", "sip:4@h")]
    assert phone.contacts() == ["sip:4@h", "sip:1@h", "sip:3@h"]
    many = phone.register(*(f"<sip:{number}@g>" for number in range(4)), now=NOW + 6)
    assert many.response.status == 403 and many.changes == () and len(phone.contacts()) == 3


def test_an_instance_replaces_its_binding() -> None:
    phone = Phone()
    instance = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
    phone.register(f"<sip:1001@192.0.2.50:40000>{instance}")
    result = Phone(phone.registrar, "rebooted").register(f"<sip:1001@192.0.2.50:50000>{instance}")
    assert events(result) == [
        ("unregistered", "sip:1001@192.0.2.50:40000"),
        ("registered", "sip:1001@192.0.2.50:50000"),
    ]
    assert b'+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"' in result.response.to_bytes()
    flow = Phone(phone.registrar, "second-flow").register(f"<sip:1001@192.0.2.50:50001>{instance};reg-id=2")
    assert len(phone.contacts()) == 2 and b";reg-id=2;" in flow.response.to_bytes()


@pytest.mark.parametrize(
    ("contact", "status"),
    [
        ("<sip:1001@192.0.2.1>", 403),
        ("<sip:1001@192.0.2.1:5060;transport=tcp>", 403),
        ("<sip:1001@192.0.2.1:5070>", 200),
        ("<tel:+34911>", 400),
        ("<http://www.example.com>", 400),
        ('<sip:a@h>;+sip.instance="\\\x07"', 400),
        ("<sip:a@h?Route=%3Csip:evil%3E>", 200),
    ],
)
def test_contacts_that_lead_back_or_nowhere(contact: str, status: int) -> None:
    phone = Phone()
    result = phone.register("<sip:good@h>", contact)
    assert result.response.status == status
    assert len(phone.contacts()) == (2 if status == 200 else 0)
    assert not any("?" in found for found in phone.contacts()), "headers of a contact are never sent"


def test_fetching_changes_nothing() -> None:
    phone = Phone()
    phone.register(PHONE)
    result = phone.register(now=NOW + 1)
    assert shown(result.response) == [("sip:1001@192.0.2.50:5060", "3599")] and result.changes == ()


def test_path_is_kept_and_shown_to_who_understands_it() -> None:
    phone = Phone()
    path = (("Path", "<sip:p1;lr>, <sip:p2;lr>"), ("Supported", "path"))
    result = phone.register(PHONE, headers=path)
    assert result.changes[0].binding.path == ("<sip:p1;lr>", "<sip:p2;lr>")
    assert result.response.headers.get_list("Path") == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert "Path" not in phone.register(PHONE, headers=path[:1]).response.headers
    for value in ("sip:p1", "<sip:p1", ", ".join(["<sip:p;lr>"] * 17), '"\\\x07" <sip:p>', '"é" <sip:p>'):
        assert phone.register(PHONE, headers=(("Path", value),)).response.status == 400


def test_expiry() -> None:
    phone = Phone()
    assert phone.registrar.next_expiry() is None
    phone.register("<sip:a@h>;expires=100", "<sip:b@h>;expires=200")
    assert phone.registrar.next_expiry() == NOW + 100
    assert phone.registrar.expire(NOW + 99) == ()
    assert phone.contacts(NOW + 100) == ["sip:b@h"], "an ended one is not used, swept or not"
    assert [(change.event, str(change.binding.contact)) for change in phone.registrar.expire(NOW + 100)] == [
        ("expired", "sip:a@h")
    ]
    phone.registrar.expire(NOW + 200)
    assert phone.registrar.next_expiry() is None and phone.registrar.all(NOW) == ()


def test_refreshing_for_ever_keeps_the_plan_small_and_right() -> None:
    phone = Phone()
    for second in range(10_000):
        phone.register(PHONE, now=NOW + second, headers=expires(100))
    assert len(phone.registrar._ends) < 2000
    assert phone.registrar.next_expiry() == NOW + 9999 + 100
    assert phone.registrar.expire(NOW + 10_098) == ()
    assert len(phone.registrar.expire(NOW + 10_099)) == 1 and phone.registrar.next_expiry() is None


def test_restore_and_forget() -> None:
    phone = Phone()
    phone.register("<sip:a@h>")
    phone.register("<sip:b@h>", now=NOW + 1)
    rows = phone.registrar.all(NOW + 2)
    again = Phone(Registrar(SETTINGS))
    again.registrar.restore(rows)
    assert again.contacts() == phone.contacts() == ["sip:b@h", "sip:a@h"]
    assert again.registrar.next_expiry() == NOW + 3600
    assert again.register("<sip:b@h>", cseq=2, now=NOW + 3).response.status == 500, "order survives a restart"
    gone = again.registrar.forget(ALICE)
    assert [change.event for change in gone] == ["unregistered"] * 2 and again.contacts() == []
    assert again.registrar.forget(ALICE) == ()
