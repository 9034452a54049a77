"""Find recovery: every minute look at the flags, every 15 seconds ask what the cause demands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lifeline.adapters.alarms import Alarms
from lifeline.adapters.control import Control
from lifeline.adapters.functions import Functions
from lifeline.adapters.whatsapp import Accepted, Answer, WhatsApp
from lifeline.contract.scopes import SCOPES, TEMPLATE_PREFIX, WHATSAPP, scope_of, template_scope
from lifeline.domain.account import counters
from lifeline.domain.account.health import blocked
from lifeline.domain.failure.causes import WINDOW_CAUSES, Ask
from lifeline.domain.failure.classify import Failure
from lifeline.domain.inbound.records import ProbeReported, ReportsOfTests, WebhookSeen
from lifeline.domain.panic.detection import (
    Verdict,
    judge_silence,
    judge_templates,
    may_explain_silence,
    silent_sends,
)
from lifeline.domain.panic.ending import probe, tick
from lifeline.domain.panic.entering import rearm
from lifeline.domain.panic.flag import Flag, State
from lifeline.domain.panic.probing import PROBE_ID, ProbeRequest, asks, worth_asking
from lifeline.domain.panic.records import ProberMinute
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.detect import Detect
from lifeline.use_cases.shared.panic_mode import PanicMode

SILENCE_LOOKS_BACK: Final = 3600.0
"""Seconds over which accepted sends are gathered until they are enough to judge."""
AROUND: Final = 300.0
"""Seconds before the youngest silent send for which the front door is asked: CloudWatch is minutes late."""
PROBE_STATUS_GOOD: Final = 60.0
"""Seconds for which the status webhook of a test send shows that Meta delivers and reports again."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What one question found."""

    ask: str
    ok: bool
    detail: str


class Probe:
    """The prober's use case."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        detect: Detect,
        enter_planned: Callable[[], object],
        whatsapp: WhatsApp,
        alarms: Alarms,
        functions: Functions,
        clock: Callable[[], float],
        telemetry: Telemetry,
        waiting: Callable[[], int] | None = None,
        probes: Mapping[str, Callable[[], str]] | None = None,
        turned_away: Callable[[float, float], float] | None = None,
        unread: Callable[[float], int] = lambda now: 0,
    ) -> None:
        """``enter_planned``: enters panics whose planned time has come. ``waiting``: how many messages are
        due on the live queue. ``probes``: by the name of its question (``Scope.asks``), what is wrong with a
        channel now; empty where nothing is. ``turned_away``: webhooks that our own front door refused between
        two instants (epoch seconds). ``unread``: bodies of webhooks that wait on our own queue for too long.
        """
        self._questions: dict[str, Callable[[Flag], str]] = {
            Ask.REACHABILITY: lambda flag: _fault(self._whatsapp.phone_number(), lambda body: ""),
            Ask.HEALTH: lambda flag: _fault(self._whatsapp.phone_number(), blocked),
            Ask.TOKEN: lambda flag: _fault(self._whatsapp.debug_token(), invalid_token),
            Ask.TEST_SEND: self._test_send,
            Ask.STATUS: self._status,
            "template": self._template,
        }
        self._questions |= {name: _of_channel(ask) for name, ask in (probes or {}).items()}
        self._waiting = waiting
        self._turned_away = turned_away
        self._unread = unread
        self._settings = settings
        self._control = control
        self._panic = panic
        self._detect = detect
        self._enter_planned = enter_planned
        self._whatsapp = whatsapp
        self._alarms = alarms
        self._functions = functions
        self._clock = clock
        self._telemetry = telemetry

    def minute(self) -> dict[str, Any]:
        """The minute tick: ends what the clock ends, queues the coming minute's probes, publishes gauges."""
        now = self._clock()
        self._enter_planned()
        flags = dict(self._control.flags())
        for scope in SCOPES:
            flags.setdefault(scope, Flag.normal(scope))
        probing, templates = [], 0
        for scope, flag in flags.items():
            current, _ = self._panic.change(scope, lambda f: tick(f, now=now, rules=self._settings.panic))
            if current.source == "operator" and current.state is not State.PANIC and current.incident_id:
                current = self._rearm(current, now)
            if flag.state is State.PANIC and current.state is State.RECOVERING:
                self._start_drain(scope)
            if current.needs_probes:
                self._panic.queue_probes(current)
                probing.append(scope)
            if scope in SCOPES or current.state is not State.NORMAL:
                self._telemetry.count("PanicActive", 1 if current.blocks_sending else 0, scope=scope)
            templates += current.blocks_sending and scope.startswith(TEMPLATE_PREFIX)
        self._telemetry.count("TemplatesInPanic", templates, scope=WHATSAPP)
        channel = self._panic.flag(WHATSAPP)
        minutes = self._minutes(now)
        self._judge_silence(channel, minutes, now)
        self._judge_templates(flags, minutes, now)
        self._publish_stall(channel, minutes, now)
        self._telemetry.count("ProberRuns", 1, scope=WHATSAPP)
        try:
            self._control.keep(ProberMinute(), actor="ProberFunction", reason="ran", now=now)
        except UnavailableError as error:
            self._telemetry.warning("the minute could not be noted", detail=str(error))
        return {"probing": probing}

    def _minutes(self, now: float) -> Mapping[int, Mapping[str, int]]:
        oldest = now - self._settings.detection.silent_after_seconds - SILENCE_LOOKS_BACK
        try:
            return self._control.counts(oldest, now)
        except UnavailableError as error:
            self._telemetry.warning("counters cannot be read", detail=str(error))
            return {}

    def _publish_stall(self, flag: Flag, minutes: Mapping[int, Mapping[str, int]], now: float) -> None:
        """The gauge that an alarm watches from outside, whatever has happened to the sender."""
        last = int(now // 60) * 60 - 60
        counts = [minutes.get(start, {}) for start in (last, last + 60)]
        accepted = sum(count.get(counters.ACCEPTED, 0) for count in counts)
        failed = sum(
            number
            for count in counts
            for cause, _, number in counters.failures(count)
            if cause in WINDOW_CAUSES
        )
        try:
            waiting = self._waiting() if self._waiting and not accepted else 0
        except UnavailableError as error:
            self._telemetry.warning("the live queue cannot be read", detail=str(error))
            return
        stalled = flag.state is not State.PANIC and not accepted and bool(waiting or failed)
        self._telemetry.count("Stalled", int(stalled), scope=WHATSAPP)

    def _judge_silence(self, flag: Flag, minutes: Mapping[int, Mapping[str, int]], now: float) -> None:
        """Panic where Meta accepts and reports nothing; only where its reports were seen before."""
        if flag.state is State.PANIC or not minutes:
            return
        try:
            seen = self._control.kept(WebhookSeen)
        except UnavailableError as error:
            self._telemetry.warning("silence cannot be judged now", detail=str(error))
            return
        if not seen.is_there:
            return
        since = max(flag.left_panic_at, seen.value.first or 0.0)
        verdict = judge_silence(minutes, now=now, since=since, thresholds=self._settings.detection)
        if verdict and not self._is_our_own_doing(verdict, now):
            self._detect.trip(WHATSAPP, verdict.cause, verdict.reason, verdict.evidence)

    def _is_our_own_doing(self, verdict: Verdict, now: float) -> bool:
        """Whether Meta's reports came, and enough of them to explain the silence were turned away by our
        front door or wait on our own queue.

        Meta sends again what was turned away, so it comes late. Where nobody can tell, Meta is believed to be
        silent.
        """
        missing = silent_sends(verdict)
        since = now - self._settings.detection.silent_after_seconds - AROUND
        try:
            refused = self._turned_away(since, now) if self._turned_away is not None else 0.0
            unread = self._unread(now)
        except UnavailableError as error:
            self._telemetry.warning("failed to read rejected or waiting webhooks", detail=str(error))
            return False
        ours = may_explain_silence(refused + unread, missing)
        if ours:
            self._telemetry.warning(
                "no panic: our own API rejected webhooks, or our own queue is late",
                turned_away=refused,
                unread=unread,
                missing=missing,
            )
        return ours

    def _judge_templates(
        self, flags: Mapping[str, Flag], minutes: Mapping[int, Mapping[str, int]], now: float
    ) -> None:
        """Panic of templates whose sends are refused for what is in them."""
        left = {scope.removeprefix(TEMPLATE_PREFIX): flag.left_panic_at for scope, flag in flags.items()}
        verdicts = judge_templates(minutes, now=now, since=left, thresholds=self._settings.detection)
        for name, verdict in verdicts.items():
            if not self._panic.flag(template_scope(name)).blocks_sending:
                self._detect.trip(template_scope(name), verdict.cause, verdict.reason, verdict.evidence)

    def _rearm(self, flag: Flag, now: float) -> Flag:
        try:
            firing = self._alarms.firing(flag.scope)
        except UnavailableError as error:
            self._telemetry.warning("alarms cannot be read", detail=str(error))
            return flag
        incident_id = self._panic.new_incident_id()
        current, _ = self._panic.change(
            flag.scope,
            lambda f: rearm(
                f,
                alarm_on=bool(firing),
                now=now,
                new_incident_id=incident_id,
                rules=self._settings.panic,
                evidence={"alarms": firing},
            ),
        )
        return current

    def slots(self, requests: Sequence[tuple[str, str]]) -> list[str]:
        """Run the probes of an SQS batch (id and body); returns the ids of those that must come again."""
        failed = []
        for name, body in requests:
            try:
                self.slot(body)
            except Exception:  # one probe must not take the others of its batch along
                self._telemetry.exception("probe failed")
                failed.append(name)
        return failed

    def slot(self, body: str) -> dict[str, Any]:
        """Run one probe. A duplicate, a stale one and one of an earlier incident do nothing.

        Raises ``ValueError`` for a body that is no probe request.
        """
        request = ProbeRequest.from_dict(json.loads(body))
        now = self._clock()
        if request.is_stale(now, self._settings.panic.probe_seconds):
            return {"probed": False, "why": "stale"}
        flag = self._control.flag(request.scope)
        if not flag.needs_probes or flag.incident_id != request.incident_id:
            return {"probed": False, "why": "no such panic any more"}
        if not worth_asking(flag.cause, flag.earliest_recovery, now):
            return {"probed": False, "why": "not before the stated regain time"}
        if not self._control.claim_slot(request.scope, request.slot):
            return {"probed": False, "why": "another probe has this slot"}
        findings = self._ask(flag)
        ok = all(finding.ok for finding in findings)
        evidence = {
            "slot": request.slot,
            "asked": [str(finding.ask) for finding in findings],
            "findings": {str(finding.ask): finding.detail for finding in findings if not finding.ok},
        }
        now = self._clock()
        current, event = self._panic.change(
            request.scope,
            lambda f: probe(
                f,
                incident_id=request.incident_id,
                ok=ok,
                now=now,
                rules=self._settings.panic,
                evidence=evidence,
                actor="ProberFunction",
            ),
        )
        self._telemetry.count("Probes", scope=request.scope, result="ok" if ok else "failed")
        self._telemetry.info(
            "probe",
            scope=request.scope,
            ok=ok,
            successes=current.successes,
            incident_id=request.incident_id,
            **evidence,
        )
        if event is not None and current.state is State.RECOVERING:
            self._start_drain(request.scope)
        return {"probed": True, "ok": ok, "successes": current.successes, "state": str(current.state)}

    def _start_drain(self, scope: str) -> None:
        """Do not wait for the drainer's minute: its plan begins where recovery begins."""
        if not scope_of(scope).holds_messages:
            return
        try:
            self._functions.start(
                self._settings.drainer_function, {"source": "lifeline.recovery", "scope": scope}
            )
        except UnavailableError as error:
            self._telemetry.warning("the drain starts within a minute", detail=str(error))

    def _ask(self, flag: Flag) -> Sequence[ProbeAnswer]:
        findings = []
        for ask in asks(flag.cause, flag.scope):
            if ask is Ask.TEST_SEND and not self._settings.test_number:
                continue
            finding = self._one(ask, flag)
            findings.append(finding)
            if not finding.ok:
                break
        return findings

    def _one(self, ask: str, flag: Flag) -> ProbeAnswer:
        try:
            fault = self._questions[ask](flag)
        except UnavailableError as error:
            fault = str(error)
        return ProbeAnswer(ask, not fault, fault)

    def _template(self, flag: Flag) -> str:
        name = flag.scope.removeprefix(TEMPLATE_PREFIX)
        return _fault(self._whatsapp.templates(name=name), lambda body: not_approved(body, name))

    def _test_send(self, flag: Flag) -> str:
        outcome = self._whatsapp.post_message(
            {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": self._settings.test_number.lstrip("+"),
                "type": "template",
                "template": {"name": "hello_world", "language": {"code": "en_US"}},
                "biz_opaque_callback_data": PROBE_ID,
            }
        )
        return "" if isinstance(outcome, Accepted) else outcome.words

    def _status(self, flag: Flag) -> str:
        now = self._clock()
        at = self._control.kept(ProbeReported).value.at
        if self._settings.test_number:
            lately = at is not None and now - at < min(PROBE_STATUS_GOOD, now - flag.since)
            return "" if lately else "no status webhook of a test send yet"
        tests = self._control.kept(ReportsOfTests).value.of.values()
        seen = [self._control.kept(WebhookSeen).value.at, *(test.at for test in tests)]
        if any(one is not None and one > flag.since for one in seen):
            return ""
        return (
            "no status webhook since panic began; without TestNumber nothing is sent that brings one: "
            "lifeline whatsapp test --to NUMBER"
        )


def _of_channel(ask: Callable[[], str]) -> Callable[[Flag], str]:
    return lambda flag: ask()


def _fault(outcome: Answer | Failure, fault: Callable[[Mapping[str, Any]], str]) -> str:
    return outcome.words if isinstance(outcome, Failure) else fault(outcome.body)


def invalid_token(body: Mapping[str, Any]) -> str:
    """Why Meta calls the token invalid; empty where it is valid."""
    data = body.get("data")
    if isinstance(data, dict) and data.get("is_valid") is True:
        return ""
    error = data.get("error") if isinstance(data, dict) else None
    subcode = error.get("subcode") if isinstance(error, dict) else None
    return f"token is not valid (subcode {subcode})"


def not_approved(body: Mapping[str, Any], name: str) -> str:
    """Why a template cannot be used; empty where Meta says APPROVED in every language that it has."""
    templates = [t for t in body.get("data") or [] if isinstance(t, dict) and t.get("name") == name]
    if not templates:
        return f"template {name} does not exist"
    bad = [f"{t.get('language')} is {t.get('status')}" for t in templates if t.get("status") != "APPROVED"]
    return f"template {name}: {', '.join(bad)}" if bad else ""
