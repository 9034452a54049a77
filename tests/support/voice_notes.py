"""The jobs of voice notes with all that they touch, in memory."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

from lifeline.domain.inbound.inbound import InboundRules, VoiceNote
from lifeline.errors import UnavailableError
from lifeline.use_cases.voice.inbound_voice import Heard, InboundVoice, NotHeard
from lifeline.use_cases.voice.release_pending import ReleasePending

from tests.support.inbound import MemoryInbox, MemoryTopic, StubMedia, spoken
from tests.support.memory import Clock, MemoryQueues, Recorder

VOICE, LIVE = "queue/voice", "queue/live"


class World:
    """Voice jobs and all that they touch. ``answers``: what the transcription says, then ``Heard``."""

    def __init__(self, **rules: Any) -> None:
        self.clock = Clock()
        self.inbox, self.topic, self.queues = MemoryInbox(), MemoryTopic(), MemoryQueues()
        self.media, self.log = StubMedia(), Recorder()
        self.panic = False
        self.answers: list[Heard | NotHeard] = []
        self.files: list[str] = []
        common: dict[str, Any] = {
            "rules": InboundRules(**rules),
            "inbox": self.inbox,
            "queues": self.queues,
            "voice_queue_url": VOICE,
            "in_panic": self.in_panic,
            "clock": self.clock,
            "telemetry": self.log,
        }
        self.voice = InboundVoice(
            topic=self.topic,  # type: ignore[arg-type]
            whatsapp_queue_url=LIVE,
            whatsapp=self.media,  # type: ignore[arg-type]
            transcribe=self.transcribe,
            **common,
        )
        self.release = ReleasePending(**common)

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
