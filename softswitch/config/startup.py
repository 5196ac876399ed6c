"""What a configuration names and this machine cannot give: found at start, each with what to do about it.

Run before anything is opened. Names of prompts are checked through a function that the caller brings, because where
prompts lie is not known here.
"""

import errno
import importlib.util
import ipaddress
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from softswitch.config import paths
from softswitch.config.feeds import listen_on
from softswitch.config.formats import port_range
from softswitch.config.loader import LoadedConfig
from softswitch.config.problem import Finding, Problem
from softswitch.config.schema import Config
from softswitch.config.transport_checks import listen_address, tls_files

PromptExists = Callable[[str, str], bool]
"""Name and language to whether such a prompt can be read."""

MAX_SOCKET_PATH = 107
NEED_AV = frozenset({"G722", "opus", "G729"})
"""Codecs that are decoded by libavcodec."""
_PORTS_TRIED = 8


def check_startup(loaded: LoadedConfig, prompt_exists: PromptExists | None = None) -> tuple[Problem, ...]:
    """Everything that cannot be used; empty: the switch can start. Makes the folders that do not exist yet."""
    config = loaded.config
    findings = [*_folders(config), *_control_socket(config), *_sip(config), *_rtp(config), *_packages(config)]
    findings += [*tls_files(config), *_feeds(config)]
    if prompt_exists is not None:
        findings += _prompts(config, prompt_exists)
    return tuple(loaded.documents.problem(finding) for finding in findings)


def _folders(config: Config) -> Iterator[Finding]:
    yield from _folder(("general", "state_dir"), paths.state_dir(config), "the switch keeps its state here")
    address = paths.database(config)
    file = Path(address.removeprefix(paths.SQLITE))
    key = ("general", "database" if config.general.database else "state_dir")
    yield from _folder(key, file.parent, "the database lies here")
    if file.exists() and not os.access(file, os.R_OK | os.W_OK):
        yield Finding(
            path=key, message=f"{file} cannot be read and written; chown it to the user that runs the switch"
        )
    key = ("recording", "directory") if config.recording.directory else ("general", "state_dir")
    yield from _folder(key, paths.recordings(config), "recordings go here", needs_space=False)
    log = paths.queue_log(config)
    if log is not None:
        key = ("general", "queue_log" if config.general.queue_log else "state_dir")
        yield from _folder(key, log.parent, "queue_log is written here; `off` writes none")
    own = paths.prompts(config)
    if own is not None and not os.access(own, os.R_OK | os.X_OK):
        message = (
            f"{own} is no folder that can be read; make it, or leave the key out to use the prompts shipped"
        )
        yield Finding(path=("prompts", "directory"), message=message)


def _folder(path: tuple[str, ...], folder: Path, why: str, *, needs_space: bool = True) -> Iterator[Finding]:
    """Calls go on without being recorded, so a full disk under the recordings is an alarm and not the end."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder} cannot be made: {error.strerror}; {why}: make it, or name another folder"
        yield Finding(path=path, message=message)
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        message = f"{folder} cannot be written; {why}: chown it to the user that runs the switch"
        yield Finding(path=path, message=message)
        return
    if needs_space and shutil.disk_usage(folder).free < 1 << 20:
        yield Finding(path=path, message=f"no space is left on the disk of {folder}; {why}")


def _control_socket(config: Config) -> Iterator[Finding]:
    file = paths.control_socket(config)
    path = ("general", "control_socket" if config.general.control_socket else "state_dir")
    if len(os.fsencode(file)) > MAX_SOCKET_PATH:
        message = (
            f"{file} is longer than the {MAX_SOCKET_PATH} bytes a socket may have; set general.control_socket"
        )
        yield Finding(path=path, message=message)
        return
    yield from _folder(path, file.parent, "the control socket lies here")
    if file.exists() and _answers(file):
        yield Finding(path=path, message=f"a switch is already running at {file}; `softswitch stop` ends it")


def _answers(file: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(file))
        except OSError:
            return False
        return True


def _sip(config: Config) -> Iterator[Finding]:
    for index, text in enumerate(config.sip.listen):
        transport, host, port = listen_address(text)
        problem = _bind(transport, host, port)
        if problem is not None:
            yield Finding(path=("sip", "listen", index), message=_bind_message(text, problem))


def _rtp(config: Config) -> Iterator[Finding]:
    host = config.rtp.address
    first, last = port_range(config.rtp.ports)
    ports = range(first + first % 2, last + 1, 2)
    tried = [ports[index * (len(ports) - 1) // _PORTS_TRIED] for index in range(_PORTS_TRIED + 1)]
    problems = {port: _bind("udp", host, port) for port in tried}
    if all(problems.values()):
        problem = problems[tried[0]]
        assert problem is not None
        key = "ports" if problem.errno == errno.EADDRINUSE else "address"
        text = f"udp://{host}, ports {config.rtp.ports}"
        yield Finding(path=("rtp", key), message=_bind_message(text, problem))


def _feeds(config: Config) -> Iterator[Finding]:
    for section, listen in (("events", config.events.listen), ("ami", config.ami.listen)):
        problem = _bind("tcp", *listen_on(listen)) if listen else None
        if problem is not None:
            yield Finding(path=(section, "listen"), message=_bind_message(listen, problem))


def _packages(config: Config) -> Iterator[Finding]:
    """Codecs and encryption that need a package which is not installed."""
    parties = [(("endpoint", name), phone.codecs, phone.srtp) for name, phone in config.endpoint.items()]
    parties += [(("trunk", name), trunk.codecs, trunk.srtp) for name, trunk in config.trunk.items()]
    if not _installed("av"):
        for path, codecs, _ in [(("rtp", ""), config.rtp.codecs, "off"), *parties]:
            for index, name in enumerate(codecs):
                if name in NEED_AV:
                    message = (
                        f"{name} needs the package av: `pip install 'softswitch[codecs]'`, or leave it out"
                    )
                    yield Finding(path=(*filter(None, path), "codecs", index), message=message)
    if not _installed("pylibsrtp"):
        for path, _, srtp in parties:
            if srtp != "off":
                message = "SRTP needs the package pylibsrtp, which is not installed: install it, or say `off`"
                yield Finding(path=(*path, "srtp"), message=message)


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _bind(transport: str, host: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    try:
        with socket.socket(family, kind) as probe:
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if transport != "udp":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error
    return None


def _bind_message(text: str, error: OSError) -> str:
    advice = {
        errno.EADDRINUSE: "another program uses it: `ss -lunp` names it; end it, or choose another port",
        errno.EADDRNOTAVAIL: "this machine does not have that address: `ip address` shows those it has",
        errno.EACCES: "ports below 1024 need the right to them: choose a higher one",
    }.get(error.errno or 0, "choose another address")
    return f"{text} cannot be used: {error.strerror}; {advice}"


def _prompts(config: Config, exists: PromptExists) -> Iterator[Finding]:
    language = config.general.language
    wanted = [(("queue", name, "music"), queue.music) for name, queue in config.queue.items()]
    wanted += [
        (("queue", name, "periodic_announce"), queue.periodic_announce)
        for name, queue in config.queue.items()
    ]
    wanted += [
        (("queue", name, "agent_announce"), queue.agent_announce) for name, queue in config.queue.items()
    ]
    wanted += [(("message", name, "prompt"), message.prompt) for name, message in config.message.items()]
    wanted.append((("routing", "unknown_prompt", ""), config.routing.unknown_prompt))
    for (section, name, key), prompt in wanted:
        if prompt and not exists(prompt, language):
            message = f"there is no prompt {prompt!r} in {language!r}; put {language}/{prompt}.wav into prompts.directory"
            yield Finding(path=(section, name, key) if key else (section, name), message=message)
