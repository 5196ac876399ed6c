"""Table of the configuration about phones.

`schema.py` joins it to the rest; the docstring under each field is what the reference prints.
"""

from dataclasses import dataclass
from typing import Literal

from softswitch.config.credentials import Auth
from softswitch.config.media import CodecName, MediaKind, SrtpPolicy
from softswitch.config.prompts import Language
from softswitch.config.recording import RecordWhen
from softswitch.config.trunks import EndpointToll


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A phone. Its name is its extension, and the user part of its address of record."""

    auth: Auth | None = None
    """Digest credentials for registering and calling."""
    contact: str = ""
    """Fixed SIP address of a phone that does not register, `sip:1001@192.0.2.7:5060`."""
    match: tuple[str, ...] = ()
    """Networks whose requests are this phone's without digest; only for phones with a fixed `contact`."""
    display_name: str = ""
    """Name shown to those it calls."""
    caller_number: str = ""
    """Number shown to trunks; empty shows that of the trunk, or the endpoint's name when it has none either."""
    language: Language | None = None
    """Language of prompts played to it."""
    codecs: tuple[CodecName, ...] = ()
    """Codecs offered to it, best first; empty means `rtp.codecs`."""
    media: tuple[MediaKind, ...] = ("audio", "video", "text", "fax")
    """Kinds of streams that it may have: audio always, and what is passed on untouched to a party that may and can have it
    too: video, text (RFC 4103), fax (T.38)."""
    srtp: SrtpPolicy = "off"
    """SRTP with keys in SDP (RFC 4568). `required`: calls without are refused; `optional`: we offer both in one INVITE
    and take what the peer offers; `off`: peers that insist on it are refused."""
    record: RecordWhen = "never"
    """Recording of its calls outside queues."""
    max_calls: int = 2
    """Calls at once, over all its contacts."""
    pickup_groups: tuple[str, ...] = ()
    """Groups whose phones may answer each other's ringing calls; names of your choice. Empty: nobody may."""
    supervises: tuple[str, ...] = ()
    """Queues whose calls and agents may be listened to from this phone; `["*"]` is everybody. Empty: nobody."""
    toll: EndpointToll | None = None
    """What it may dial out, where that differs from `[toll]`."""
    watches: tuple[str, ...] = ()
    """What this phone may subscribe to beside itself and its mailbox: numbers of phones, `queue-NAME`, `agent-NAME`,
    `park-PLACE`, `box-NAME`, each with `*` and `?` as wild cards; `["*"]` is everything."""
    watches_parties: tuple[str, ...] = ()
    """Of that, where it is also shown who the other side of a call is (a lamp needs it to pick a call up), and where phones
    are registered."""
    direct_media: bool = False
    """Calls between two phones that both say so are proxied: their media, and the features of their calls, are theirs
    alone. Never where one of them is recorded, hides its caller, or encrypts in another way than the other."""
    mailbox: str = ""
    """Message box whose new messages light this phone's message lamp."""
    session_timer: Literal["on", "off"] = "on"
    """`off`: its calls get no session timer (RFC 4028), whoever asks for one."""
    mwi_unsolicited: bool = False
    """Tell it of its messages without being asked to, for phones that do not subscribe (RFC 3842 section 4.1)."""
