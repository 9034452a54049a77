"""The voice function: recordings for voice messages, text of voice notes."""

from __future__ import annotations

from functools import cache

from lifeline.use_cases.voice.inbound_voice import InboundVoice
from lifeline.use_cases.voice.speak import Speak
from lifeline.use_cases.voice.voice_jobs import VoiceJobs
from lifeline.use_cases.voice.voice_outcomes import VoiceOutcomes, transcriber
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> VoiceJobs:
    """On these adapters."""
    settings = adapters.settings
    rules = settings.openai
    openai = adapters.openai(rules.attempts, rules.budget)
    outcomes = VoiceOutcomes(
        settings=settings,
        control=adapters.control,
        detect=adapters.detect("voice", "VoiceFunction"),
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )
    speak = Speak(
        say=lambda text: openai.speech(
            text, model=rules.speech_model, voice=rules.voice, instructions=rules.instruction("")
        ),
        model=rules.speech_model,
        voice=rules.speaks_as(settings.phone_number_id),
        in_panic=adapters.voice_in_panic,
        outcomes=outcomes,
        whatsapp=adapters.whatsapp,
        recordings=adapters.recordings,
        ledger=adapters.ledger,
        wake=adapters.wake,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )
    listen = InboundVoice(
        rules=settings.inbound,
        inbox=adapters.inbox,
        topic=adapters.inbound_topic,
        queues=adapters.queues,
        voice_queue_url=settings.voice_queue_url,
        whatsapp_queue_url=settings.whatsapp_queue_url,
        sends_from=settings.phone_number_id,
        in_panic=adapters.voice_in_panic,
        whatsapp=adapters.whatsapp,
        transcribe=transcriber(openai, outcomes),
        people=adapters.people,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )
    return VoiceJobs(speak, listen)


@cache
def use_case() -> VoiceJobs:
    """The worker's."""
    return build(Adapters("voice"))
