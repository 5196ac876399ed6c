"""What of the configuration a stack goes by: timers, names, session timers, and how much it holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.config.schema import Config
from softswitch.sip.extension_rules import ExtensionRules, rules_by_party
from softswitch.sip.identity import Identity
from softswitch.sip.session_timer import SessionTimerSettings
from softswitch.sip.timers import TimerValues


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    timers: TimerValues = field(default_factory=TimerValues)
    user_agent: str = ""
    """User-Agent and Server; empty sends none."""
    session_timer: SessionTimerSettings = field(default_factory=SessionTimerSettings)
    extension_rules: Mapping[Identity, ExtensionRules] = field(default_factory=dict)
    """Of those with whom not everything counts that we can do."""
    max_transactions: int = 100_000
    """Transactions of peers at once; more requests get 503. One is remembered for 64 T1 after its answer (RFC 3261 timer
    J), so these are 3,000 requests a second."""

    @classmethod
    def from_config(cls, config: Config) -> "StackSettings":
        sip = config.sip
        timers = TimerValues(
            t1=sip.t1_ms / 1000, t2=sip.t2_ms / 1000, t4=sip.t4_ms / 1000, target=sip.target_timeout_s
        )
        expiry = SessionTimerSettings(expires_s=sip.session_expires_s, min_se_s=sip.min_se_s)
        return cls(
            timers=timers,
            user_agent=sip.user_agent,
            session_timer=expiry,
            extension_rules=rules_by_party(config),
        )
