"""Asterisk as a target: Debian's package in a chroot, PJSIP with fixed contacts, `Queue`, and `MixMonitor` when recording.

Configured as its users would for this work, with little that costs: only the modules that the scenario needs, no console
logging, G.711 on both legs so that nothing is transcoded, `Queue` with `leastrecent` and `autofill`. `MixMonitor` writes
one mixed channel of 16-bit WAV while the call is bridged; its interleaved form (`D`) has no header, so it is not what
people use. It binds loopback only. Recordings go to the disk, as ours do.
"""

import os
import shutil
import subprocess
import time
import wave
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

from benchmarks.peers.chroot import CACHE, Chroot, ChrootError, build
from benchmarks.peers.target import Recorded
from tools.peers.centre import TRUNK_ADDRESS
from tools.peers.ports import free_port
from tools.peers.processes import Usage, family_usage

PACKAGES = ("asterisk", "asterisk-moh-opsound-wav")
ADDRESS = "127.0.0.40"
_CONFIG = "/etc/bench-asterisk"
NICE = -10
"""The priority that our media workers ask for by default."""
_CONTROL = f"{_CONFIG}/asterisk.conf"
_SPOOL = "/var/spool/bench-asterisk"
_START_S = 30.0
_STOP_S = 8.0
_MODULES = (
    "res_timing_timerfd", "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "res_pjproject",
    "res_pjsip", "res_pjsip_pubsub", "res_pjsip_session", "res_pjsip_sdp_rtp", "res_pjsip_caller_id",
    "res_pjsip_nat", "res_pjsip_rfc3326", "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_endpoint_identifier_user", "res_rtp_asterisk", "chan_pjsip", "res_musiconhold",
    "bridge_simple", "bridge_native_rtp", "bridge_softmix", "bridge_holding", "bridge_builtin_features",
    "codec_ulaw", "codec_resample", "format_pcm", "format_sln", "format_wav", "pbx_config", "app_dial",
    "app_queue", "app_mixmonitor", "app_stack", "func_callerid", "func_strings", "cdr_csv",
)  # fmt: skip
_FILES = {
    "asterisk.conf": """\
        [directories]
        astetcdir => {config}
        astmoddir => {modules}
        astvarlibdir => /var/lib/asterisk
        astdbdir => {spool}
        astdatadir => /usr/share/asterisk
        astspooldir => {spool}
        astrundir => {spool}
        astlogdir => {spool}
        [options]
        maxfiles = 65536
        """,
    "logger.conf": """\
        [general]
        [logfiles]
        messages.log => warning,error
        """,
    "rtp.conf": """\
        [general]
        rtpstart=32768
        rtpend=60998
        icesupport=no
        """,
    "musiconhold.conf": """\
        [default]
        mode=files
        directory=moh
        """,
    "cdr.conf": """\
        [general]
        enable=yes
        [csv]
        accountlogs=no
        """,
    "extensions.conf": """\
        [in]
        exten => 600,1,Answer()
        {recording}
        same => n,Queue(load)
        same => n,Hangup()
        """,
}
_SHIPPED = ("acl", "ccss", "cel", "features", "indications", "pjproject", "udptl")
"""Configuration that the package brings and that is taken as it is."""
_QUEUE = """\
[general]
persistentmembers=no
autofill=yes
[load]
strategy=leastrecent
musicclass=default
timeout=15
retry=1
wrapuptime=0
ringinuse=no
announce-frequency=0
announce-position=no
announce-holdtime=no
"""
_PJSIP = """\
[global]
type=global
[transport]
type=transport
protocol=udp
bind={address}:{port}
[side](!)
type=endpoint
context=in
disallow=all
allow=ulaw
direct_media=no
rtp_symmetric=no
media_address={address}
bind_rtp_to_media_address=yes
[carrier](side)
[carrier]
type=identify
endpoint=carrier
match={trunk}
"""


class Asterisk:
    name = "Asterisk"

    def __init__(self, cache: Path = CACHE) -> None:
        self._cache = cache
        self._chroot: Chroot | None = None
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def version(self) -> str:
        words = self._there().output("asterisk", "-V").split()
        return words[1].partition("+")[0].split("~")[0] if len(words) > 1 else ""

    def start(self, folder: Path, contacts: Mapping[str, str], *, record: bool) -> None:
        chroot = self._there()
        self._port = free_port(ADDRESS)
        self._stack = ExitStack()
        self._stack.enter_context(chroot.mounted())
        self._configure(chroot, contacts, record)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "asterisk.out").open("wb") as out:
            self._process = subprocess.Popen(
                ["nice", "-n", str(NICE), *chroot.command("asterisk", "-f", "-C", _CONTROL)],
                cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                env={"PATH": os.environ["PATH"], "TERM": "dumb"},
            )  # fmt: skip
        self._wait_ready(folder / "asterisk.out")

    @property
    def sip(self) -> tuple[str, int]:
        return ADDRESS, self._port

    def usage(self) -> dict[int, Usage]:
        assert self._process is not None, "not started"
        return family_usage(self._process.pid)

    def recordings(self) -> list[Recorded]:
        found: list[Recorded] = []
        for path in sorted(self._there().path(f"{_SPOOL}/monitor").glob("*.wav")):
            try:
                with wave.open(str(path), "rb") as file:
                    seconds = file.getnframes() / file.getframerate()
                    found.append(
                        Recorded(number=int(path.stem), seconds=seconds, channels=file.getnchannels())
                    )
            except (wave.Error, EOFError):
                continue
        return found

    def problems(self) -> list[str]:
        log = self._there().path(f"{_SPOOL}/messages.log")
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return [line[:200] for line in lines if "ERROR" in line or "Exceptionally long" in line][:5]

    def ask(self, command: str) -> str:
        """What its own command line answers."""
        return self._there().output("asterisk", "-C", _CONTROL, "-rx", command)

    def stop(self) -> None:
        process, self._process = self._process, None
        try:
            if process is not None and process.poll() is None:
                self.ask("core stop now")
                try:
                    process.wait(_STOP_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        finally:
            self._stack.close()

    def _there(self) -> Chroot:
        if self._chroot is None:
            self._chroot = build("asterisk", PACKAGES, self._cache)
        return self._chroot

    def _wait_ready(self, out: Path) -> None:
        deadline = time.monotonic() + _START_S
        assert self._process is not None
        while time.monotonic() < deadline and self._process.poll() is None:
            if "fully booted" in self.ask("core waitfullybooted") and "a0" in self.ask("pjsip show aors"):
                return
            time.sleep(0.2)
        said = out.read_text(errors="replace")[-2000:]
        self.stop()
        raise ChrootError(f"Asterisk is not ready\n{said}")

    def _configure(self, chroot: Chroot, contacts: Mapping[str, str], record: bool) -> None:
        for place in (_CONFIG, _SPOOL):
            shutil.rmtree(chroot.path(place), ignore_errors=True)
            chroot.path(place).mkdir(parents=True)
        for place in ("monitor", "cdr-csv"):
            chroot.path(f"{_SPOOL}/{place}").mkdir()
        if not chroot.path("/var/lib/asterisk/moh").is_symlink():
            shutil.rmtree(chroot.path("/var/lib/asterisk/moh"), ignore_errors=True)
            chroot.path("/var/lib/asterisk/moh").symlink_to("/usr/share/asterisk/moh")
        modules = next(chroot.path("/usr/lib").glob("*/asterisk/modules"))
        mixed = "same => n,MixMonitor(${FILTER(0-9,${CALLERID(num)})}.wav,b)" if record else ""
        values = {"config": _CONFIG, "spool": _SPOOL, "modules": f"/{modules.relative_to(chroot.folder)}",
                  "recording": mixed}  # fmt: skip
        for name, text in _FILES.items():
            self._write(chroot, name, dedent(text).format(**values))
        for name in _SHIPPED:
            shutil.copy(chroot.path(f"/etc/asterisk/{name}.conf"), chroot.path(_CONFIG))
        loads = "".join(f"load = {module}.so\n" for module in _MODULES)
        self._write(chroot, "modules.conf", f"[modules]\nautoload=no\n{loads}")
        members = "".join(f"member => PJSIP/{name}\n" for name in contacts)
        self._write(chroot, "queues.conf", _QUEUE + members)
        agents = "".join(
            f"[{name}](side)\naors={name}\n[{name}]\ntype=aor\ncontact={contact}\n"
            for name, contact in contacts.items()
        )
        head = _PJSIP.format(address=ADDRESS, port=self._port, trunk=TRUNK_ADDRESS)
        self._write(chroot, "pjsip.conf", head + agents)

    def _write(self, chroot: Chroot, name: str, text: str) -> None:
        chroot.path(f"{_CONFIG}/{name}").write_text(text)
