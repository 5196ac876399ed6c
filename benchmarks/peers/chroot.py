"""A Debian `sid` in a folder, made once by debootstrap, in which a peer of ours is installed and started.

Needs root. The mirror, and whether an old release file is believed, are taken from the machine's own apt configuration.
The folder is built beside its place and moved there when it is whole, so that a build that was cut short is built again.
The machine's name goes into the chroot's /etc/hosts: Asterisk looks itself up for each INVITE and would wait for DNS.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SUITE = "sid"
CACHE = Path("~/.cache/softswitch-bench")
_MOUNTS = (("proc", "proc", "proc"), ("tmpfs", "tmpfs", "tmp"), ("tmpfs", "tmpfs", "run"))
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9)}


class ChrootError(Exception):
    """The chroot cannot be made or used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Chroot:
    folder: Path

    def command(self, *words: str) -> list[str]:
        return ["chroot", str(self.folder), *words]

    def output(self, *words: str, timeout: float = 20.0) -> str:
        """What a command inside prints; empty when it fails."""
        try:
            done = subprocess.run(
                self.command(*words), capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout if done.returncode == 0 else ""

    def path(self, inside: str) -> Path:
        return self.folder / inside.lstrip("/")

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """/proc, /tmp, /run and the usual devices are there, and are gone afterwards whatever happened."""
        self.unmount()
        try:
            for device, (major, minor) in _DEVICES.items():
                node = self.path(f"dev/{device}")
                if not node.exists():
                    os.mknod(node, 0o020666, os.makedev(major, minor))
                    node.chmod(0o666)
            for kind, source, place in _MOUNTS:
                _run(["mount", "-t", kind, source, str(self.path(place))])
            yield
        finally:
            self.unmount()

    def unmount(self) -> None:
        """Also what a run that was killed has left."""
        for _, _, place in reversed(_MOUNTS):
            if self.path(place).is_mount():
                subprocess.run(["umount", "--lazy", str(self.path(place))], check=False)


def build(name: str, packages: Sequence[str], cache: Path = CACHE) -> Chroot:
    """The chroot of this name with these packages; made when it is not there, which takes some minutes."""
    place = cache.expanduser() / name
    if (place / ".complete").exists():
        return Chroot(place)
    if os.geteuid():
        raise ChrootError(f"{place} is to be made by debootstrap, which needs root")
    if not shutil.which("debootstrap"):
        _install(["debootstrap"])
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = Chroot(place.with_suffix(".new"))
    fresh.unmount()
    shutil.rmtree(fresh.folder, ignore_errors=True)
    print(f"making {place}: Debian {SUITE} with {', '.join(packages)}", file=sys.stderr, flush=True)
    _run(["debootstrap", "--variant=minbase", SUITE, str(fresh.folder), mirror()])
    _prepare(fresh)
    with fresh.mounted():
        _install(packages, fresh)
    (fresh.folder / ".complete").touch()
    shutil.rmtree(place, ignore_errors=True)
    fresh.folder.rename(place)
    return Chroot(place)


def mirror() -> str:
    """The Debian archive that the machine's own apt uses for `main`."""
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE) $(COMPONENT)", "Created-By: Packages"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        uri, suite, component = line.split(maxsplit=2)
        if component == "main" and "-" not in suite:
            return uri
    raise ChrootError("apt names no Debian archive: a peer cannot be installed from it")


def _prepare(chroot: Chroot) -> None:
    names = f"127.0.0.1 localhost\n127.0.0.1 {socket.gethostname()}\n"
    chroot.path("/etc/hosts").write_text(names)
    shutil.copy("/etc/resolv.conf", chroot.path("/etc/resolv.conf"))
    no_daemons = chroot.path("/usr/sbin/policy-rc.d")
    no_daemons.write_text("#!/bin/sh\nexit 101\n")
    no_daemons.chmod(0o755)
    settings = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout
    taken = [
        line
        for line in settings.splitlines()
        if line.startswith(("Acquire::Check-Valid-Until", "Acquire::http"))
    ]
    chroot.path("/etc/apt/apt.conf.d/90machine").write_text("\n".join(taken) + "\n")


def _install(packages: Sequence[str], chroot: Chroot | None = None) -> None:
    for words in (["update", "-qq"], ["install", "-yqq", "--no-install-recommends", *packages]):
        command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *words]
        _run(chroot.command(*command) if chroot else command)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )  # fmt: skip
    if done.returncode:
        raise ChrootError(f"{' '.join(command)} → {done.returncode}\n{done.stdout[-3000:]}")
