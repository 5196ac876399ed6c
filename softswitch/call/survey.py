"""A caller whose agent has hung up is asked for his opinion: keys as answers, a spoken comment, one row for each question.

Whoever hangs up in the midst has answered what he has answered: each row is written when its question is over.
"""

from softswitch.call.call import Call
from softswitch.call.key_menu import choice, key, told
from softswitch.call.room import Room
from softswitch.call.spoken_recording import record_spoken
from softswitch.call.stages import End, Stage, Survey
from softswitch.call.termination import By, Cause, Termination
from softswitch.config.queues import Queue
from softswitch.config.voice import Question
from softswitch.config.voice import Survey as Settings
from softswitch.ids import AgentId, QueueName
from softswitch.store.voice_rows import SurveyAnswer

COMMENT = "comment"
SHORTEST_COMMENT_S = 1.0
COMMENT_SILENCE_S = 4.0
OVER = Termination(By.SWITCH, Cause.NORMAL, 200)


def survey_after(call: Call, queue: QueueName | None, agent: AgentId | None) -> Survey | None:
    """What follows a talk with an agent who has hung up; None: nothing."""
    settings: Queue | None = call.config.queue.get(queue or "")
    if queue is None or agent is None or settings is None or not settings.survey:
        return None
    asked = call.config.survey.get(settings.survey)
    if asked is None or call.over is not None or not _chosen(call, asked.share_percent):
        return None
    return Survey(survey=settings.survey, queue=queue, agent=agent)


def _chosen(call: Call, percent: int) -> bool:
    """So many of a hundred, evenly."""
    drawn = int.from_bytes(call.services.entropy(4)) * 100 >> 32
    return drawn < percent


async def survey(room: Room, call: Call, stage: Survey) -> Stage:
    settings = call.config.survey.get(stage.survey)
    if settings is None:
        return End(termination=OVER)
    call.caller.music(None)
    asking = _Asking(room, call, stage, settings, call.services.clock.wall())
    if settings.invite and await told(call, (settings.invite,), "*") == "*":
        return End(termination=OVER)
    if settings.accept and await choice(call, ("survey-accept",), "1*", tries=1) != "1":
        return End(termination=OVER)
    for question in settings.questions:
        await asking.ask(question)
    if settings.comment:
        await asking.comment()
    if settings.thanks:
        await told(call, (settings.thanks,))
    return End(termination=OVER)


class _Asking:
    def __init__(self, room: Room, call: Call, stage: Survey, settings: Settings, began: float) -> None:
        self._room = room
        self._call = call
        self._stage = stage
        self._settings = settings
        self._began = began

    async def ask(self, question: Question) -> None:
        answers = "123456789"[: question.scale]
        answer: int | None = None
        try:
            for attempt in range(self._settings.retries + 1):
                prompts = (question.prompt,) if attempt == 0 else ("invalid", question.prompt)
                pressed = await told(self._call, prompts) or await key(
                    self._call, "0123456789*#", self._settings.timeout_s
                )
                if pressed and pressed in answers:
                    answer = int(pressed)
                    return
        finally:
            self._write(question.name, answer)

    async def comment(self) -> None:
        spoken = await record_spoken(
            self._room,
            self._call,
            (self._settings.comment_prompt,),
            max_s=self._settings.comment_max_s,
            silence_s=COMMENT_SILENCE_S,
            queue=self._stage.queue,
            agent=self._stage.agent,
        )
        if spoken is not None and spoken.seconds >= SHORTEST_COMMENT_S:
            self._write(COMMENT, None, spoken.row.recording)

    def _write(self, question: str, answer: int | None, recording: str = "") -> None:
        stage, call = self._stage, self._call
        call.services.store.surveys.put(
            SurveyAnswer(
                call=call.id,
                began=self._began,
                question=question,
                survey=stage.survey,
                queue=stage.queue,
                agent=stage.agent,
                ani=call.ani,
                answer=answer,
                recording=recording,
            )
        )
