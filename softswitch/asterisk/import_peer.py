"""An endpoint of `pjsip.conf` with everything that belongs to it, and what phones and trunks have in common."""

from dataclasses import dataclass

from softswitch.asterisk.conf_file import Section
from softswitch.asterisk.draft import Draft, Taking

CODECS = {
    "ulaw": "PCMU",
    "alaw": "PCMA",
    "g722": "G722",
    "opus": "opus",
    "g729": "G729",
    "slin16": "L16",
}
REASONS = {
    "context": "what a number means is said by [route.NUMBER], whose `source` says who may dial it",
    "transport": "requests go out from the address that fits their destination",
    "mailboxes": "message boxes are [message.NAME]; `mailbox` of the phone lights its lamp",
    "voicemail_extension": "message boxes are [message.NAME]",
    "accountcode": "costs are told by trunk and phone",
    "set_var": "there is no dialplan",
    "subscribe_context": "`watches` says what a phone may subscribe to",
    "moh_suggest": "music is a prompt of the queue",
    "acl": "write `match`",
    "deny": "write `match`",
    "permit": "write `match`",
    "webrtc": "phones in browsers are not served yet",
    "t38_udptl": "is not an endpoint's setting here",
    "from_domain": "From has our address, or that of the trunk we register at",
    "callerid_tag": "there is no dialplan",
}
SO_HERE = frozenset(
    {
        *(
            "type",
            "dtmf_mode",
            "direct_media",
            "rtp_symmetric",
            "force_rport",
            "rewrite_contact",
            "ice_support",
        ),
        *("allow_subscribe", "aggregate_mwi", "trust_id_outbound", "send_rpid", "identify_by", "rtcp_mux"),
        *(
            "media_use_received_transport",
            "use_ptime",
            "disable_direct_media_on_nat",
            "bundle",
            "rtp_keepalive",
        ),
        *("inband_progress", "100rel", "connected_line_method", "direct_media_method", "remove_existing"),
        *("remove_unavailable", "support_path", "authenticate_qualify", "line", "auth_rejection_permanent"),
        *("max_retries", "forbidden_retry_interval", "fatal_retry_interval", "auth_type", "support_outbound"),
        *("use_avpf", "force_avp", "rtp_ipv6", "tone_zone", "allow_transfer", "notify_early_inuse_ringing"),
    }
)
"""What is so here in any case, or is settled by what the other side can do."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An endpoint with what belongs to it."""

    endpoint: Section
    auths: tuple[Section, ...]
    """How it proves who it is."""
    outbound: tuple[Section, ...]
    """How we do."""
    aors: tuple[Section, ...]
    identifies: tuple[Section, ...]
    registrations: tuple[Section, ...]

    @property
    def contact(self) -> str:
        return next((aor.last("contact") for aor in self.aors if aor.last("contact")), "")

    @property
    def is_trunk(self) -> bool:
        if self.registrations:
            return True
        has_user = "@" in self.contact
        if self.auths and not self.identifies:
            return bool(self.contact) and not has_user and bool(self.outbound)
        return bool(self.contact) and not has_user


def codecs(taking: Taking) -> list[str]:
    """`allow` and `disallow`, in order; those that are not known here are lost."""
    chosen: list[str] = []
    taking.all("disallow")
    for entry in taking.all("allow"):
        for word in entry.value.lower().replace("!all", "").split(","):
            name = word.strip()
            if name in CODECS and CODECS[name] not in chosen:
                chosen.append(CODECS[name])
            elif name and name not in CODECS:
                taking.lose(entry, f"{name} is not served here; others of this line are carried over")
    return chosen


def media(taking: Taking, table: dict[str, object]) -> None:
    """Codecs, encryption and session timers."""
    wanted = codecs(taking)
    if wanted:
        table["codecs"] = wanted
    entry, optional = taking.last("media_encryption"), taking.yes("media_encryption_optimistic")
    if entry is not None and entry.value.lower() == "sdes":
        table["srtp"] = "optional" if optional else "required"
    elif entry is not None and entry.value.lower() == "dtls":
        taking.lose(entry, "keys come in SDP here (RFC 4568); DTLS is not served yet")
    timers = taking.last("timers")
    if timers is not None and timers.value.lower() in ("no", "false", "0", "off"):
        table["session_timer"] = "off"


def credentials(section: Section, draft: Draft, default: str) -> dict[str, object] | None:
    """An `auth` as ours; None: it has no secret."""
    taking = Taking(draft, section, {"realm": "is `sip.realm` for phones, and the trunk's own for trunks"})
    auth: dict[str, object] = {}
    user = taking.text("username")
    if user and user != default:
        auth["user"] = user
    password, hashed = taking.last("password"), taking.last("md5_cred")
    if password is not None and password.value:
        auth["secret"] = password.value
    elif hashed is not None and hashed.value:
        auth["ha1_md5"] = hashed.value.lower()
        taking.change(hashed, "holds the realm in it: set `sip.realm` to the one that it was made with")
    taking.finish(SO_HERE)
    return auth if set(auth) & {"secret", "ha1_md5"} else None
