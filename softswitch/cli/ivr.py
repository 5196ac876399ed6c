"""`softswitch ivr`: flows checked, listed and drawn, from the files; no switch need run."""

from pathlib import Path

import click

from softswitch.cli.ivr_try import try_flow
from softswitch.cli.ivr_versions import release, rollback, versions
from softswitch.cli.options import EXIT_FAILED, Failure, Place, json_option, place_options
from softswitch.cli.output import show, show_json, show_rows
from softswitch.cli.place import default_config
from softswitch.config.problem import ConfigError
from softswitch.config.schema import Config


@click.group()
def ivr() -> None:
    """Check, show, draw and try flows."""


for _command in (try_flow, versions, rollback, release):
    ivr.add_command(_command)


def _load(context: click.Context) -> Config:
    """Without the check of flows, so that a faulty one can be drawn."""
    from softswitch.config.loader import load

    try:
        return load(context.ensure_object(Place).config or default_config()).config
    except ConfigError as error:
        raise Failure(str(error)) from None


def _known(config: Config, flow: str) -> None:
    if flow not in config.flow:
        raise Failure(f"there is no flow {flow!r}", f"known are {', '.join(config.flow) or 'none'}")


@ivr.command()
@json_option
@place_options
@click.pass_context
def check(context: click.Context, as_json: bool) -> None:
    """Find faults in flows. Dangling and unreachable nodes, circles, missing prompts; exit status 1 for errors."""
    from softswitch.ivr.check import check_flows
    from softswitch.ivr.fault import KnownNames
    from softswitch.ivr.prompts import PromptLibrary

    config = _load(context)
    prompts = PromptLibrary.of(config.prompts.directory, config.general.language).names()
    problems = check_flows(config.flow, KnownNames.of(config, prompts))
    if as_json:
        names = ("flow", "node", "key", "message", "severity")
        show_json([{name: getattr(problem, name) for name in names} for problem in problems])
    else:
        for problem in problems:
            show(str(problem))
        nodes = sum(len(flow.node) for flow in config.flow.values())
        flows = f"{len(config.flow)} {'flow' if len(config.flow) == 1 else 'flows'}"
        show(
            f"{flows} with {nodes} nodes, {len(problems) or 'no'} {'problem' if len(problems) == 1 else 'problems'}"
        )
    if any(problem.severity == "error" for problem in problems):
        raise click.exceptions.Exit(EXIT_FAILED)


@ivr.command("show")
@click.argument("flow", required=False)
@json_option
@place_options
@click.pass_context
def show_flow(context: click.Context, flow: str | None, as_json: bool) -> None:
    """List flows, or show one as a tree."""
    from dataclasses import asdict

    from softswitch.ivr.draw import draw_tree

    config = _load(context)
    if flow is not None:
        _known(config, flow)
        if as_json:
            show_json(asdict(config.flow[flow]))
        else:
            for line in draw_tree(flow, config.flow[flow]).splitlines():
                show(line)
    elif as_json:
        show_json({name: asdict(each) for name, each in config.flow.items()})
    else:
        rows = [[name, each.start, len(each.node)] for name, each in config.flow.items()]
        show_rows("Flows", ["flow", "start", "nodes>"], rows, "no flows are configured")


@ivr.command()
@click.argument("flow")
@click.option("--output", type=click.Path(path_type=Path), help="File; .svg is a picture, .dot for Graphviz.")
@click.option("--format", "kind", type=click.Choice(["svg", "dot", "tree"]), help="Else by the file's name.")
@place_options
@click.pass_context
def draw(context: click.Context, flow: str, output: Path | None, kind: str | None) -> None:
    """Draw one flow as SVG, Graphviz DOT or a tree of text."""
    from softswitch.ivr.draw import draw_dot, draw_tree
    from softswitch.ivr.draw_svg import draw_svg

    config = _load(context)
    _known(config, flow)
    chosen = kind or ("tree" if output is None else output.suffix.removeprefix("."))
    drawers = {"svg": draw_svg, "dot": draw_dot, "tree": draw_tree}
    if chosen not in drawers:
        raise Failure(f"{output} has no known ending", "name it .svg or .dot, or give --format")
    picture = drawers[chosen](flow, config.flow[flow])
    if output is None:
        click.echo(picture, nl=False)
        return
    try:
        output.write_text(picture)
    except OSError as error:
        raise Failure(f"{output} cannot be written: {error.strerror}") from None
    show(f"{output} is written")
