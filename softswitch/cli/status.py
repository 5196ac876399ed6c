"""`softswitch status`: whether it runs, how busy it is, what is wrong."""

from typing import Any

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import length, moment, show, show_fields, show_json, table


@click.command()
@json_option
@asks_switch
def status(client: Client, as_json: bool) -> None:
    """Show how the running switch is."""
    view = client.get("status")
    if as_json:
        show_json(view)
        return
    storage, sip = view["storage"], view["sip"]
    state = "draining: new calls are refused" if view["draining"] else "running"
    spooled = f", {storage['spooled']} rows waiting in memory" if storage["spooled"] else ""
    problem = f": {storage['problem']}" if storage["problem"] else ""
    show_fields(
        [
            ("node", f"{view['node']}, softswitch {view['version']}, pid {view['pid']}"),
            ("state", state),
            ("up", f"{length(view['uptime_s'])}, since {moment(view['started'])}"),
            ("calls", f"{view['calls']} of at most {view['max_calls']}, {view['calls_total']} since start"),
            ("control", f"{view['cpu_s']:.1f} s CPU, event loop {view['loop_lag_ms']:.1f} ms late at worst"),
            ("media engine", _engine(view)),
            ("storage", f"{storage['state']}{problem}{spooled} ({storage['database']})"),
            ("listening", ", ".join(sip["listen"])),
            ("connections", _counts(sip["connections"])),
            ("SIP in", f"{sip['messages_in']} messages, {sip['calls_in']} calls; {sip['retransmits']} again"),
            ("SIP out", f"{sip['messages_out']} messages, {sip['calls_out']} calls"),
            ("dialogs", sip["dialogs"]),
            ("refused", _counts(sip["refusals"])),
            ("dropped", _counts({"malformed": sip["malformed"], "stray": sip["strays"], **sip["dropped"]})),
            *([("faults", f"{sip['faults']}, see the log")] if sip["faults"] else []),
        ]
    )
    show(
        table(
            "Media workers",
            [
                "worker>",
                "pid>",
                "legs>",
                "recordings>",
                "packets in>",
                "out>",
                "lost>",
                "late ms?>",
                "CPU s?>",
            ],
            [
                [
                    w["worker"],
                    w["pid"],
                    w["legs"],
                    w["recordings"],
                    w["packets_in"],
                    w["packets_out"],
                    w["packets_lost"],
                    f"{w['late_ms']:.1f}",
                    f"{w['cpu_s']:.1f}",
                ]
                for w in view["workers"]
            ],
        )
    )
    for alarm in view["alarms"]:
        show(f"ALARM {alarm['name']} since {moment(alarm['since'])}: {alarm['message']}")


def _engine(view: dict[str, Any]) -> str:
    problems = dict.fromkeys(w["engine_problem"] for w in view["workers"] if w["engine_problem"])
    return "; ".join([view["engine"], *problems])


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing"
