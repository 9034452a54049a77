"""The jobs of voice notes with all that they touch, in memory."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

from lifeline.domain.inbound.inbound import InboundRules, VoiceNote
from lifeline.domain.inbound.ours import BusinessNumber
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.voice.inbound_voice import Heard, InboundVoice, NotHeard
from lifeline.wiring import drainer

from tests.support.inbound import MemoryInbox, MemoryTopic, StubMedia, spoken
from tests.support.services import Services

VOICE, LIVE = "queue/voice", "queue/live"
NUMBER = BusinessNumber("100000000000001", "+15550783881")


class World(Services):
    """Voice jobs and all that they touch. ``answers``: what the transcription says, then ``Heard``."""

    def __init__(self, **rules: Any) -> None:
        own = Settings(voice_queue_url=VOICE, whatsapp_queue_url=LIVE, inbound=InboundRules(**rules))
        super().__init__(own)
        self.inbox, self.topic, self.media = MemoryInbox(), MemoryTopic(), StubMedia()
        self.also(
            inbox=self.inbox, inbound_topic=self.topic, whatsapp=self.media, voice_in_panic=self.in_panic
        )
        self.panic = False
        self.answers: list[Heard | NotHeard] = []
        self.files: list[str] = []
        adapters = self.adapters("voice")
        self.voice = InboundVoice(
            rules=own.inbound,
            inbox=adapters.inbox,
            topic=adapters.inbound_topic,
            queues=adapters.queues,
            voice_queue_url=own.voice_queue_url,
            whatsapp_queue_url=own.whatsapp_queue_url,
            sends_from=NUMBER.id,
            in_panic=adapters.voice_in_panic,
            whatsapp=adapters.whatsapp,
            transcribe=self.transcribe,
            people=adapters.people,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        )
        self.release = drainer.build(self.adapters("drainer")).release_pending

    def in_panic(self) -> bool:
        if self.inbox.broken & {"flags"}:
            raise UnavailableError("DynamoDB", "testing", "broken on purpose")
        return self.panic

    def transcribe(self, audio: bytes, name: str) -> Heard | NotHeard:
        self.files.append(name)
        return self.answers.pop(0) if self.answers else Heard("Can we move to Friday?", "english", 2.0)

    def note(self, wamid: str = "w1", content: Any = None, **more: Any) -> VoiceNote:
        audio = spoken() if content is None else content
        self.media.media[f"m-{wamid}"] = audio
        announced = base64.b64encode(hashlib.sha256(audio).digest()).decode() if type(audio) is bytes else ""
        note = VoiceNote(
            wamid=wamid,
            phone="+4915112345678",
            user_id="DE.1",
            name="Ana",
            received_at=self.clock.now,
            media_id=f"m-{wamid}",
            mime_type="audio/ogg; codecs=opus",
            sha256=announced,
            number_id=NUMBER.id,
            number_display=NUMBER.display,
        )
        return replace(note, **more)

    def run(self, note: VoiceNote) -> bool:
        return self.voice.handle(note.job())

    def queued(self) -> list[Any]:
        """Take what was put on the voice queue."""
        taken, self.queues.sent[VOICE] = self.queues.sent[VOICE], []
        return taken

    def settle(self, rounds: int = 60) -> None:
        """Let the queue and the drainer's minutes run until nothing is left."""
        for _ in range(rounds):
            for item in self.queued():
                assert self.voice.handle(item.body)
            self.clock.advance(60)
            self.release()

    @property
    def kinds(self) -> list[str]:
        return [notice["kind"] for notice in self.topic.notices]
