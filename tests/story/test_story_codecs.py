"""Proves what two legs of a call come to speak: one codec wherever both can have it, SRTP as each party's policy says.

The media workers are fakes: translating, decoding and encrypting is proved in `tests/rtp` and `tests/interop`.
"""

import asyncio
from dataclasses import replace

from story_floor import PHONES, ROAMING, Centre, centre, fixed, told

from softswitch.config.media import Rtp
from softswitch.rtp.commands import SetPeer
from softswitch.sip.events import Answered, ReofferAnswered, ReofferRefused
from softswitch.sip.sdp import SessionDescription
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.sound import described

KEY = "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"
OTHER_KEY = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
SUITE = "AES_CM_128_HMAC_SHA1_80"
MANY = replace(centre(), rtp=Rtp(codecs=("PCMA", "PCMU", "G729")))


def secure(
    name: str, key: str = KEY, *, protocol: str = "RTP/SAVP", tag: int = 1, **more: object
) -> SessionDescription:
    """A phone's description with a key."""
    text = described(PHONES[name], **more).serialize().decode()  # type: ignore[arg-type]
    text = text.replace("RTP/AVP", protocol) + f"a=crypto:{tag} {SUITE} inline:{key}\r\n"
    return SessionDescription.parse(text.encode())


def peers(c: Centre) -> dict[str, SetPeer]:
    """What the media workers were told last, by party."""
    legs = {party: c.leg_of(party) for party in ("endpoint:1001", "endpoint:1002")}
    return {party: c.switch.media.told(SetPeer, leg)[-1] for party, leg in legs.items()}


async def talk(c: Centre, offer: SessionDescription, answer: SessionDescription) -> tuple[PeerCall, PeerCall]:
    c.phone("1002").on_call = answering(0.5, sdp=answer)
    call = c.phone("1001").call("1002", sdp=offer)
    other = await c.phone("1002").next_call()
    await call.answered()
    await asyncio.sleep(1)
    return call, other


def formats(sdp: SessionDescription | None) -> tuple[str, ...]:
    assert sdp is not None
    return sdp.media[0].formats


def answer_of(call: PeerCall) -> SessionDescription:
    (event,) = (event for event in call.events if isinstance(event, Answered))
    assert event.sdp is not None
    return event.sdp


# --- one codec --------------------------------------------------------------------------------------------------------


@told()
async def test_the_callees_codec_is_given_to_a_caller_who_was_told_none(c: Centre) -> None:
    offer = described(PHONES["1001"], codecs=("PCMA", "PCMU"))
    call, other = await talk(c, offer, described(PHONES["1002"], codecs=("PCMU",)))
    assert formats(other.session.offer)[:2] == ("8", "0")
    assert formats(answer_of(call))[0] == "0"
    assert {peer.codec for peer in peers(c).values()} == {"PCMU"}
    call.hang_up()
    await other.hung_up()


@told()
async def test_a_caller_who_was_told_a_codec_keeps_it(c: Centre) -> None:
    def early(call: PeerCall) -> None:
        assert call.session.incoming is not None
        call.session.incoming.reliability = ""  # what arrives for certain may not change with the answer
        call.session.ring(183, described(PHONES["1002"], codecs=("PCMA",)))
        call.peer.flush()

    c.phone("1002").on_call = early
    call = c.phone("1001").call("1002", sdp=described(PHONES["1001"], codecs=("PCMA", "PCMU")))
    other = await c.phone("1002").next_call()
    await asyncio.sleep(1)
    other.answer(described(PHONES["1002"], codecs=("PCMU",)))
    await call.answered()
    assert formats(answer_of(call))[0] == "8"
    assert {party: peer.codec for party, peer in peers(c).items()} == {
        "endpoint:1001": "PCMA",
        "endpoint:1002": "PCMU",
    }
    call.hang_up()
    await other.hung_up()


@told(MANY)
async def test_g729_is_used_between_two_who_both_have_it(c: Centre) -> None:
    offer = described(PHONES["1001"], codecs=("G729", "PCMA"))
    call, other = await talk(c, offer, described(PHONES["1002"], codecs=("G729",)))
    assert formats(other.session.offer)[:2] == ("8", "18")
    assert formats(answer_of(call))[0] == "18"
    assert {peer.codec for peer in peers(c).values()} == {"G729"}
    call.hang_up()
    await other.hung_up()


@told(MANY)
async def test_g729_is_offered_to_nobody_when_the_caller_lacks_it(c: Centre) -> None:
    offer = described(PHONES["1001"], codecs=("PCMU",))
    call, other = await talk(c, offer, described(PHONES["1002"], codecs=("PCMA",)))
    assert formats(other.session.offer) == ("0", "8", "101")
    call.hang_up()
    await other.hung_up()


# --- SRTP -------------------------------------------------------------------------------------------------------------

REQUIRED = centre(endpoint={"1001": fixed("1001", srtp="required"), "1002": fixed("1002")})
CALLEE_REQUIRED = centre(endpoint={"1002": fixed("1002", srtp="required")})
OPTIONAL = centre(endpoint={"1001": fixed("1001", srtp="optional"), "1002": fixed("1002", srtp="optional")})
PLAIN = described(PHONES["1002"])


@told(REQUIRED)
async def test_one_leg_encrypts_and_the_other_does_not(c: Centre) -> None:
    call, other = await talk(c, secure("1001", tag=7), PLAIN)
    secured, plain = peers(c)["endpoint:1001"], peers(c)["endpoint:1002"]
    assert secured.key_in is not None and (secured.key_in.suite, secured.key_in.key) == (SUITE, KEY)
    assert secured.key_out is not None and secured.key_out.key != KEY
    assert plain.key_in is plain.key_out is None
    media = answer_of(call).media[0]
    assert media.protocol == "RTP/SAVP"
    assert list(media.attributes("crypto")) == [f"7 {SUITE} inline:{secured.key_out.key}"]
    assert other.session.offer is not None and not other.session.offer.media[0].has("crypto")
    assert c.live().caller.srtp == SUITE
    call.hang_up()
    await other.hung_up()


@told(REQUIRED)
async def test_a_caller_in_clear_is_refused_where_it_must_encrypt(c: Centre) -> None:
    assert await c.phone("1001").call("1002").refused() == 488


@told()
async def test_a_caller_who_insists_is_refused_where_encryption_is_off(c: Centre) -> None:
    assert await c.phone("1001").call("1002", sdp=secure("1001")).refused() == 488


@told(CALLEE_REQUIRED)
async def test_a_callee_who_must_encrypt_is_offered_nothing_else(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.5, sdp=PLAIN)
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    assert await call.refused() == 488
    assert other.session.offer is not None and other.session.offer.media[0].protocol == "RTP/SAVP"


@told(OPTIONAL)
async def test_optional_offers_both_in_one_invite(c: Centre) -> None:
    call, other = await talk(c, described(PHONES["1001"]), secure("1002", protocol="RTP/AVP"))
    assert other.session.offer is not None and other.session.offer.media[0].protocol == "RTP/AVP"
    assert peers(c)["endpoint:1001"].key_in is None
    assert peers(c)["endpoint:1002"].key_in is not None
    call.hang_up()
    await other.hung_up()


@told(OPTIONAL)
async def test_an_encrypted_session_stays_encrypted(c: Centre) -> None:
    """Hold with the same key keeps ours, a new key brings a new one of ours, and clear text is refused."""
    call, other = await talk(c, secure("1001"), PLAIN)
    first = peers(c)["endpoint:1001"]
    call.reoffer(secure("1001", direction="sendonly", version=2))
    await call.until(ReofferAnswered)
    held = peers(c)["endpoint:1001"]
    assert (held.key_in, held.key_out, held.send) == (first.key_in, first.key_out, False)
    call.reoffer(secure("1001", OTHER_KEY, version=3))
    await asyncio.sleep(1)
    changed = peers(c)["endpoint:1001"]
    assert changed.key_in is not None and changed.key_in.key == OTHER_KEY
    assert changed.key_out is not None and first.key_out is not None
    assert changed.key_out.key != first.key_out.key
    call.reoffer(described(PHONES["1001"], version=4))
    await call.until(ReofferRefused)
    assert peers(c)["endpoint:1001"] == changed
    call.hang_up()
    await other.hung_up()


@told(REQUIRED)
async def test_keys_are_shown_nowhere_and_kept_in_no_row(c: Centre) -> None:
    call, other = await talk(c, secure("1001"), PLAIN)
    ours = peers(c)["endpoint:1001"].key_out
    assert ours is not None
    shown = [*map(repr, c.switch.media.told(SetPeer)), repr(c.live().caller), *c.log()]
    call.hang_up()
    await other.hung_up()
    rows = [repr(row) for table in ("calls", "legs", "journal") for row in c.switch.rows(table)]
    assert not any(key in text for key in (KEY, ours.key) for text in [*shown, *rows])


def early(call: PeerCall) -> None:
    call.ring(183, early=True)


# --- behind NAT -------------------------------------------------------------------------------------------------------


@told()
async def test_a_phone_behind_nat_is_learnt_where_its_messages_come_from_when_it_is_called_too(
    c: Centre,
) -> None:
    inside, phone = "192.168.1.20", c.phone(ROAMING)
    for each in (phone, c.phone("1001")):
        each.local_address = lambda destination: (inside, 5060)  # type: ignore[method-assign]
    assert await phone.sign_in() == 200
    phone.sdp = described(inside)
    phone.on_call = early
    call = c.phone("1001").call(ROAMING, sdp=described(inside))
    (await phone.next_call()).answer()
    await call.answered()
    await asyncio.sleep(1)
    told = [c.switch.media.told(SetPeer, c.leg_of(f"endpoint:{name}"))[-1] for name in ("1001", ROAMING)]
    assert [(each.address, each.latch, each.latch_host) for each in told] == [
        (inside, True, PHONES["1001"]),
        (inside, True, phone.address),
    ]
    call.hang_up()
    await c.settled()
