"""Table of the configuration about the switch as a whole: its name, its folders, its log.

`schema.py` joins it to the rest; the docstring under each field is what the reference prints.
"""

from dataclasses import dataclass
from typing import Literal

from softswitch.config.prompts import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class General:
    node: str = "sw1"
    """Name of this switch in ids, logs and metrics."""
    state_dir: str = "/var/lib/softswitch"
    """Folder of the database, recordings and messages, unless those say otherwise."""
    database: str = ""
    """SQLAlchemy-style address; empty means `sqlite:///{state_dir}/softswitch.db`."""
    control_socket: str = ""
    """Unix socket of the command line; empty means `{state_dir}/control.sock`. Only its owner may open it, and those of
    `control_group`."""
    control_group: str = ""
    """Group of this machine whose members may open the control socket too; each has the rights of the `[person.NAME]`
    that his user name or his token stands for, and none without."""
    queue_log: str = ""
    """File in the format of Asterisk's queue_log; empty means `{state_dir}/queue_log`, `off` writes none."""
    queue_log_logins: Literal["agent", "callback"] = "agent"
    """How it tells that agents log in and out: AGENTLOGIN and AGENTLOGOFF, or AGENTCALLBACKLOGIN and AGENTCALLBACKLOGOFF
    for reporting tools that know agents with phones by these."""
    language: Language = "en"
    """Language of prompts where neither route nor flow says another."""
    timezone: str = "UTC"
    """Zone of the per-day folders of recordings, of the days and hours by which reports are cut, and of calendars that
    name none. The command line reads and prints times in the zone of the machine it runs on (`TZ`)."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    log_format: Literal["console", "json"] = "console"
    """`console` for people, `json` for machines; always to standard error."""
    nice: int = -8
    """Priority of the process that carries out SIP and calls, as `nice` has it, where the system lets it have it: after the
    media workers (`rtp.nice`), before what else the machine does. 0 leaves it as it is."""
    max_calls: int = 2000
    """Calls at once; more are refused with 503 and Retry-After."""
