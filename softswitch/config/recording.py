"""Table of the configuration about recordings: what is recorded, in which form, and how long it is kept.

`schema.py` joins it to the rest; the docstring under each field is what the reference prints.
"""

from dataclasses import dataclass
from typing import Literal

RecordWhen = Literal["always", "never", "on-demand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    directory: str = ""
    """Folder of recordings; empty means `{state_dir}/recordings`."""
    template: str = "{day}/{recording}"
    """Name of a file below it, without `.wav`: `{day}` `{hour}` `{recording}` `{call}` `{queue}` `{agent}`."""
    encoding: Literal["auto", "PCMU", "PCMA", "PCM16"] = "auto"
    """`auto` keeps the G.711 law of the caller as received."""
    min_free_mb: int = 200
    """Below this much free space what has expired is deleted early, no recording begins and an alarm is raised; below half
    of it those that run end too. Calls go on."""
    tracks: Literal["stereo", "party"] = "stereo"
    """`stereo`: the caller left, whoever serves right. `party`: a track for each party, `party_tracks` in all."""
    party_tracks: int = 4
    """Tracks of such a file, 3 to 8: caller, agent, each further party; who comes beyond shares the last."""
    keep_before_s: float = 0.0
    """Where recording is `on-demand`: seconds before the key that the recording begins with, at most 120."""
    convert: Literal["", "flac", "opus"] = ""
    """Format into which finished recordings are converted in the background; empty leaves them as WAV."""
    convert_after_s: float = 60.0
    """How long after its end."""
    keep_days: float = 0.0
    """Days after which a recording is deleted; 0 never."""
    keep_gb: float = 0.0
    """All recordings together; the oldest are deleted when they take more. 0: no limit."""
