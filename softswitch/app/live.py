"""What the running switch looks like now, as the values of the control API: read from memory, never changed here."""

import os
import resource
from collections.abc import Iterable, Sequence
from typing import Any

from softswitch import __version__
from softswitch.acd import values as acd
from softswitch.api.errors import UnknownThing
from softswitch.api.status_views import AlarmView, StatusView, StorageView, WorkerView
from softswitch.api.views import (
    AgentView,
    CallDetailView,
    CallerView,
    CallView,
    LegView,
    LineState,
    LineView,
    OfferView,
    QueueDetailView,
    QueueView,
    RegistrationView,
    StageView,
    TrunkView,
)
from softswitch.app.parts import Parts
from softswitch.app.sip_views import sip_view, trunk_views
from softswitch.app.steering import supervision_view
from softswitch.app.stream_views import stream_views
from softswitch.app.waits import WAITS_SHOWN, wait_ahead, wait_view
from softswitch.call.call import Call
from softswitch.call.leg import Leg
from softswitch.call.why import why_values
from softswitch.config import paths
from softswitch.ids import AgentId, CallId, EndpointName
from softswitch.rtp.reports import LegStats

_AUDIO = (
    *(
        "late",
        "duplicates",
        "out_of_order",
        "peer_lost",
        "peer_jitter_ms",
        "mos",
        "mos_now",
        "loss_now",
        "quiet_s",
    ),
    *("rtt_ms", "level_db", "clipped_share", "silence_share", "talk_share", "overlap_s", "interruptions"),
)
"""Figures that a leg's view has by the names of `LegStats`."""


def status(parts: Parts) -> StatusView:
    config, wall = parts.services.config, parts.clock.wall()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    workers = parts.media.views()
    failing = parts.store.writer.failing
    return StatusView(
        version=__version__,
        node=config.general.node,
        pid=os.getpid(),
        started=parts.started,
        uptime_s=wall - parts.started,
        draining=parts.draining,
        calls=len(parts.manager.calls),
        max_calls=config.general.max_calls,
        calls_total=parts.manager.total,
        engine=workers[0].engine if workers else "",
        cpu_s=usage.ru_utime + usage.ru_stime,
        loop_lag_ms=parts.loop_lag_ms,
        workers=tuple(
            WorkerView(
                worker=worker.worker,
                pid=worker.pid,
                engine=worker.engine,
                engine_problem=worker.engine_problem,
                legs=worker.legs,
                recordings=worker.recordings,
                packets_in=worker.packets_in,
                packets_out=worker.packets_out,
                cpu_s=worker.cpu_s,
                late_ms=worker.late_ms,
            )
            for worker in workers
        ),
        alarms=_alarms(parts),
        storage=StorageView(
            state="failing" if failing else "ok",
            database=paths.database(config),
            spooled=parts.store.writer.waiting,
        ),
        sip=sip_view(parts),
    )


def _alarms(parts: Parts) -> tuple[AlarmView, ...]:
    raised = (*parts.alarms.raised, *parts.services.audio.raised)
    return tuple(AlarmView(name=alarm.name, message=alarm.message, since=alarm.since) for alarm in raised)


def call_view(parts: Parts, call: Call) -> CallView:
    figures = call.figures
    recording = parts.recordings.of_call(call.id)
    talking = figures.bridged is not None
    return CallView(
        call=call.id,
        stage=call.stage,
        source=call.source,
        ani=call.ani,
        dnis=call.dnis,
        started=figures.started,
        duration_s=parts.clock.wall() - figures.started,
        answered=figures.answered is not None,
        queue=figures.queue or "",
        agent=figures.agent or "",
        other=figures.destination if talking else "",
        recording=recording.recording if recording is not None else "",
    )


def calls(parts: Parts) -> tuple[CallView, ...]:
    return tuple(call_view(parts, call) for call in parts.manager.calls.values())


def find_call(parts: Parts, call: str) -> Call:
    found = parts.manager.calls.get(CallId(call))
    if found is None:
        raise UnknownThing(
            f"no live call is called {call!r}", hint="`softswitch calls` lists them, `cdr show` past ones"
        )
    return found


def call_detail(parts: Parts, call: Call, stats: Sequence[LegStats]) -> CallDetailView:
    talk = parts.room.talks.get(call.id)
    by_leg = {figures.leg: figures for figures in stats}
    wall = parts.clock.wall()
    offers = tuple(
        OfferView(
            offer=ringing.offer.offer,
            queue=ringing.offer.queue,
            agent=ringing.offer.agent,
            offered=ringing.began,
            result="",
            rang_s=wall - ringing.began,
            why=why_values(ringing.offer.why),
        )
        for ringing in parts.dispatcher.offers.of_call(call.id)
    )
    return CallDetailView(
        call=call_view(parts, call),
        stages=tuple(StageView(stage=stage, entered=entered) for stage, entered in call.stages),
        legs=tuple(
            view
            for leg in call.legs.values()
            for view in (_leg_view(leg, by_leg.get(leg.id)), *stream_views(leg, by_leg))
        ),
        offers=offers,
        labels=dict(call.figures.labels),
        supervisors=tuple(supervision_view(each) for each in parts.room.supervisions.of_call(call.id)),
        consults=talk.consult.leg.party if talk is not None and talk.consult is not None else "",
        wait=wait_ahead(parts, call.id),
    )


def _leg_view(leg: Leg, stats: LegStats | None) -> LegView:
    session, agreed = leg.session, leg.negotiated
    return LegView(
        leg=leg.id,
        direction=leg.direction,
        party=leg.party,
        state=str(session.state) if session is not None else "",
        sip_call_id=session.call_id if session is not None else "",
        codec=leg.codec,
        remote=f"{agreed.address}:{agreed.port}" if agreed is not None else "",
        held=leg.held,
        packets_in=stats.packets_in if stats else 0,
        packets_out=stats.packets_out if stats else 0,
        packets_lost=stats.lost if stats else 0,
        jitter_ms=stats.jitter_ms if stats else 0.0,
        worker=leg.opened.worker if leg.opened is not None else None,
        **(_audio(stats) if stats else {}),
    )


def _audio(stats: LegStats) -> dict[str, Any]:
    return {
        **{name: getattr(stats, name) for name in _AUDIO},
        "impairments": " ".join(stats.alarms),
    }


def lines(parts: Parts) -> tuple[LineView, ...]:
    config = parts.services.config
    trunks = {trunk.trunk: trunk for trunk in trunk_views(parts)}
    found = [
        _line(
            parts, "trunk", name, name, unreachable=trunks[name].state == "down", detail=trunks[name].reason
        )
        for name in config.trunk
        if name in trunks
    ]
    for name, endpoint in config.endpoint.items():
        contacts = [endpoint.contact] if endpoint.contact else _contacts(parts, name)
        found.append(
            _line(
                parts,
                "endpoint",
                name,
                endpoint.display_name,
                unreachable=not contacts,
                detail=", ".join(contacts),
            )
        )
    return tuple(found)


def _contacts(parts: Parts, endpoint: str) -> list[str]:
    return [str(binding.contact) for binding in parts.sip.bindings(EndpointName(endpoint))]


def _line(
    parts: Parts, kind: str, name: str, display_name: str, *, unreachable: bool, detail: str
) -> LineView:
    seized = list(parts.services.lines.of(f"{kind}:{name}"))
    state: LineState = "unreachable" if unreachable else "idle"
    if seized:
        state = "in use" if any(line.talking for line in seized) else "ringing"
    return LineView(
        kind="trunk" if kind == "trunk" else "endpoint",
        name=name,
        display_name=display_name,
        state=state,
        calls=len(seized),
        detail=detail,
    )


def queue_view(parts: Parts, view: acd.QueueView, agents: Iterable[acd.AgentView]) -> QueueView:
    members = [agent for agent in agents if view.queue in agent.queues]
    return QueueView(
        queue=view.queue,
        strategy=view.strategy,
        waiting=len(view.waiting),
        agents=len(view.agents),
        logged_in=sum(agent.status is not acd.AgentStatus.LOGGED_OUT for agent in members),
        idle=view.idle,
        talking=view.talking,
        offered=view.offered,
        answered=view.answered,
        abandoned=view.abandoned,
        overflowed=view.overflowed,
        answered_in_sl=view.answered_in_sl,
        abandoned_in_sl=parts.tally.lost_in_level.get(view.queue, 0),
        servicelevel_s=parts.services.config.queue[view.queue].servicelevel,
        longest_wait_s=max((caller.waited_s for caller in view.waiting), default=0.0),
        mean_wait_s=view.mean_wait_s,
        mean_talk_s=view.mean_talk_s,
        expected_wait_s=view.wait.expected_s if view.wait is not None else None,
        wait=wait_view(view.wait),
    )


def queues(parts: Parts) -> tuple[QueueView, ...]:
    snapshot = parts.dispatcher.engine.snapshot(parts.clock.monotonic())
    return tuple(queue_view(parts, view, snapshot.agents) for view in snapshot.queues)


def queue(parts: Parts, name: str) -> QueueDetailView:
    snapshot = parts.dispatcher.engine.snapshot(parts.clock.monotonic())
    for view in snapshot.queues:
        if view.queue == name:
            return QueueDetailView(
                queue=queue_view(parts, view, snapshot.agents),
                callers=tuple(_caller(parts, caller) for caller in view.waiting),
                agents=tuple(agent_view(parts, agent) for agent in snapshot.agents if name in agent.queues),
            )
    raise UnknownThing(f"no queue is called {name!r}", hint="`softswitch queue` lists them")


def _caller(parts: Parts, caller: acd.CallerView) -> CallerView:
    call = parts.manager.calls.get(caller.call)
    known = parts.dispatcher.callbacks.of_place(caller.call) if caller.virtual else None
    return CallerView(
        call=caller.call,
        position=caller.position,
        ani=known.number if known is not None else call.ani if call is not None else "",
        callback=known.callback if known is not None else "",
        priority=caller.priority,
        waited_s=caller.waited_s,
        ringing=caller.ringing,
        wait=wait_ahead(parts, caller.call, virtual=caller.virtual)
        if caller.position <= WAITS_SHOWN
        else None,
    )


def agent_view(parts: Parts, view: acd.AgentView) -> AgentView:
    now, settings = parts.clock.monotonic(), parts.services.config.agent.get(view.agent)
    return AgentView(
        agent=view.agent,
        name=(settings.name if settings is not None else "") or view.agent,
        endpoint=parts.dispatcher.desk.endpoint_of(view.agent) if settings is not None else "",
        status=view.status.value,
        reason=view.reason,
        state=view.state.value,
        state_s=now - view.state_since,
        call=view.call or "",
        queues=tuple(view.queues),
        skills=dict(view.skills),
        calls=view.calls,
        talk_s=view.talk_s,
        idle_s=None if view.idle_since is None else now - view.idle_since,
        wrapup_left_s=view.wrapup_left_s,
    )


def agents(parts: Parts) -> tuple[AgentView, ...]:
    snapshot = parts.dispatcher.engine.snapshot(parts.clock.monotonic())
    return tuple(agent_view(parts, agent) for agent in snapshot.agents)


def agent(parts: Parts, agent: str) -> AgentView:
    if agent not in parts.services.config.agent:
        raise UnknownThing(f"no agent is called {agent!r}", hint="`softswitch agent` lists them")
    return agent_view(parts, parts.dispatcher.engine.agent_view(AgentId(agent), parts.clock.monotonic()))


def trunks(parts: Parts) -> tuple[TrunkView, ...]:
    return trunk_views(parts)


def registrations(parts: Parts) -> tuple[RegistrationView, ...]:
    wall = parts.clock.wall()
    return tuple(
        RegistrationView(
            endpoint=binding.endpoint,
            contact=str(binding.contact),
            source=f"{binding.source.transport}:{binding.source.address}:{binding.source.port}",
            expires_s=max(0.0, binding.expires - wall),
            registered=binding.registered,
            user_agent=binding.user_agent,
        )
        for binding in parts.sip.registrations()
    )
