"""Texts that a flow speaks and recognisers that it asks, for one caller: what is not there yet comes as events of his call.

While a text is made he hears music; a key or the flow's next step makes what comes of it stale.
"""

from functools import partial

from softswitch.call.call import Call
from softswitch.call.events import EarHeard, SpeechMade
from softswitch.call.recognition import Ear, Listening
from softswitch.call.recordings import Recordings
from softswitch.call.speech import when_made
from softswitch.call.voice import SPOKEN
from softswitch.ivr.voice_actions import TEXT, Heard, Listen, VoiceInput

NOTHING_YET = -1
"""In place of the number of a play: texts are still being made."""
NOTHING = 0
"""There is nothing to play."""


class FlowVoice:
    def __init__(self, call: Call, recordings: Recordings) -> None:
        self._call = call
        self._recordings = recordings
        self._number = 0
        self._wanted: tuple[str, ...] = ()
        self._language = ""
        self._keys: dict[str, str] = {}
        """Text to its key; empty: it cannot be spoken."""
        self._ear: Ear | None = None
        self._hearing = 0
        self._music = False

    # --- speaking -------------------------------------------------------------------------------------------------------

    def play(self, prompts: tuple[str, ...], language: str) -> int:
        """The number of the play, `NOTHING_YET` or `NOTHING`."""
        self._number += 1
        texts = {name.removeprefix(TEXT) for name in prompts if name.startswith(TEXT)}
        if not texts:
            self._quiet()
            return self._call.caller.play(prompts, language)
        speech = self._call.services.voice.speech
        self._wanted, self._language = prompts, language
        self._keys = {text: key for text in texts if (key := speech.find(text, language))}
        missing = sorted(texts - self._keys.keys())
        if not missing:
            return self._play()
        for text in missing:
            when_made(speech, text, language, partial(self._post, self._number, text))
        music = self._call.config.speech.music
        if music:
            self._music = True
            self._call.caller.music(music, language)
        return NOTHING_YET

    def _post(self, number: int, text: str, key: str) -> None:
        self._call.post(SpeechMade(number, text, key))

    def made(self, event: SpeechMade) -> int:
        """As `play`; also `NOTHING_YET` for what is stale."""
        if event.number != self._number or not self._wanted:
            return NOTHING_YET
        self._keys[event.text] = event.key
        texts = {name.removeprefix(TEXT) for name in self._wanted if name.startswith(TEXT)}
        return NOTHING_YET if texts - self._keys.keys() else self._play()

    def _play(self) -> int:
        prompts, self._wanted = tuple(filter(None, map(self._named, self._wanted))), ()
        self._quiet()
        return self._call.caller.play(prompts, self._language) if prompts else NOTHING

    def _named(self, prompt: str) -> str:
        if not prompt.startswith(TEXT):
            return prompt
        key = self._keys.get(prompt.removeprefix(TEXT), "")
        return SPOKEN + key if key else self._call.config.speech.fallback

    def cut(self) -> None:
        """What is being made is not wanted any more."""
        self._number += 1
        self._wanted = ()
        self._quiet()

    def _quiet(self) -> None:
        if self._music:
            self._music = False
            self._call.caller.music(None)

    # --- listening ------------------------------------------------------------------------------------------------------

    def listen(self, action: Listen) -> None:
        self.stop_listening()
        call, number = self._call, self._hearing
        listening = Listening(
            call=call.id,
            leg=call.caller.id,
            recogniser=action.recogniser,
            language=action.language,
            hints=action.hints,
            ani=call.ani,
            dnis=call.dnis,
        )
        # A leg is recorded in one place at a time, and nobody else hears him now.
        self._recordings.leave(call, call.caller)
        self._ear = call.services.voice.recognition.listen(
            listening, lambda what: call.post(EarHeard(number, what))
        )

    def ask(self) -> None:
        if self._ear is not None:
            self._ear.ask()
        else:
            self._call.post(EarHeard(self._hearing, Heard(text="")))

    def stop_listening(self) -> None:
        self._hearing += 1
        self._end_ear()

    def _end_ear(self) -> None:
        ear, self._ear = self._ear, None
        if ear is not None:
            ear.stop()
            self._recordings.party(self._call, self._call.caller, "caller")

    def heard(self, event: EarHeard) -> VoiceInput | None:
        """None: it is of an ear that was stopped."""
        if event.number != self._hearing:
            return None
        if isinstance(event.what, Heard) and event.what.problem:
            self._end_ear()
        return event.what

    def close(self) -> None:
        self.cut()
        self.stop_listening()
