"""`softswitch sip trace`: what goes over the wire, live, as lines, and into a capture file or a text file.

The messages come from the running switch without their secrets; what it could not hold for a reader as slow as this one
is told as a number.
"""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click

from softswitch.cli.client import Client
from softswitch.cli.options import Failure, asks_switch, json_option
from softswitch.cli.output import clean, console, show, show_json_line
from softswitch.trace.pcap import FILE_HEADER, PcapWriter
from softswitch.trace.text import entry


@click.group()
def sip() -> None:
    """SIP messages as they pass."""


@sip.command()
@click.option("--call", default="", help="Id of a call, or a SIP Call-ID.")
@click.option("--number", default="", help="Part of a calling or called number; brings all of such a call.")
@click.option("--peer", default="", help="trunk:NAME, endpoint:NAME, or an address.")
@click.option("--method", default="", help="Requests of this method and their responses.")
@click.option(
    "--pcap", type=click.Path(path_type=Path, dir_okay=False), help="Also write a capture for Wireshark."
)
@click.option("--text", type=click.Path(path_type=Path, dir_okay=False), help="Also write whole messages.")
@click.option("--seconds", type=click.FloatRange(0.1), help="End after so long; else with Ctrl-C.")
@click.option("--full", is_flag=True, help="Print whole messages instead of one line each.")
@json_option
@asks_switch
def trace(
    client: Client,
    pcap: Path | None,
    text: Path | None,
    seconds: float | None,
    full: bool,
    as_json: bool,
    **search: str,
) -> None:
    """Show SIP messages as they pass: a line each, who told whom what. Secrets are masked."""
    with ExitStack() as files:
        sinks = [_file(files, file) for file in (pcap, text)]
        writer = PcapWriter()
        try:
            for message in client.stream("sip", "trace", within_s=seconds, **search):
                if not message:
                    _begin(sinks[0])
                elif "dropped" in message:
                    show(f"({message['dropped']} messages more than could be told)")
                else:
                    _save(message, sinks[0], sinks[1], writer)
                    _tell(message, full, as_json)
        except KeyboardInterrupt:
            pass


def _file(files: ExitStack, path: Path | None) -> IO[bytes] | None:
    """Only its owner may read it: it holds numbers and addresses."""
    if path is None:
        return None
    try:
        path.touch(mode=0o600)
        return files.enter_context(path.open("wb"))
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}", "name another file") from None


def _begin(pcap: IO[bytes] | None) -> None:
    """From now on nothing is missed."""
    if pcap is not None:
        pcap.write(FILE_HEADER)
        pcap.flush()


def _save(
    message: dict[str, Any], pcap: IO[bytes] | None, text: IO[bytes] | None, writer: PcapWriter
) -> None:
    """Flushed each time: whoever ends this with Ctrl-C, or reads along, has whole messages."""
    data = message["text"].encode("latin-1")
    local, peer = tuple(message["local"]), tuple(message["peer"])
    sender, receiver = (local, peer) if message["outgoing"] else (peer, local)
    if pcap is not None:
        pcap.write(writer.records(message["at"], message["transport"], sender, receiver, data))
        pcap.flush()
    if text is not None:
        made = entry(message["at"], message["transport"], _place(sender), _place(receiver), data)
        text.write(made.encode())
        text.flush()


def _tell(message: dict[str, Any], full: bool, as_json: bool) -> None:
    if as_json:
        show_json_line(message)
        return
    when = datetime.fromtimestamp(message["at"]).astimezone().strftime("%H:%M:%S.%f")[:-3]
    here, there = _place(message["local"]), _place(message["peer"])
    arrow = "──▶" if message["outgoing"] else "◀──"
    who = f" {message['party']}" if message["party"] else ""
    known = f" [{message['call'] or message['sip_call_id']}]"
    facts = f" ({message['facts']})" if message["facts"] else ""
    line = f"{when} {here} {arrow} {there} {message['transport']}{who}  {message['line']}{facts}{known}"
    style = "red" if message["status"] >= 400 else "green" if message["status"] >= 200 else ""
    console().print(clean(line), style=style or None, markup=False, highlight=False)
    if full:
        body = message["text"].encode("latin-1").decode("utf-8", "replace")
        for each in body.replace("\r\n", "\n").split("\n"):
            console().print("    " + clean(each), markup=False, highlight=False)


def _place(place: Any) -> str:
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
