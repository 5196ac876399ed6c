"""What makes an event package for the notifier (RFC 6665 section 5), and the packages that there are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from softswitch.sip import dialog_info, message_summary, presence, reg_info
from softswitch.sip.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPackage:
    name: str
    content_type: str
    partial: bool
    """Changes may be told without the rest."""
    wrap: Callable[[Envelope, bytes], bytes]
    """The body around what `ResourceState` made."""


PACKAGES: Mapping[str, EventPackage] = {
    package.name: package
    for package in (
        EventPackage(
            name="message-summary",
            content_type=message_summary.CONTENT_TYPE,
            partial=False,
            wrap=message_summary.wrap,
        ),
        EventPackage(
            name="dialog", content_type=dialog_info.CONTENT_TYPE, partial=True, wrap=dialog_info.wrap
        ),
        EventPackage(name="presence", content_type=presence.CONTENT_TYPE, partial=False, wrap=presence.wrap),
        EventPackage(name="reg", content_type=reg_info.CONTENT_TYPE, partial=True, wrap=reg_info.wrap),
    )
}
ALLOW_EVENTS = ("Allow-Events", ", ".join(PACKAGES))
