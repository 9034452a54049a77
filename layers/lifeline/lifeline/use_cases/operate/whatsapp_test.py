"""The operator action that goes the whole way to WhatsApp, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.reach import GraphHost, UnreachedError
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.contract.instants import duration, format_instant
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.counters import ACCEPTED, REPORTED_SENT, template_sends
from lifeline.domain.account.health import NUMBER_FIELDS, advice, blocked, number_words
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.account.token import TokenState, decide, read_facts, why_invalid
from lifeline.domain.failure.causes import Cause, Fault, remedy, rule_for
from lifeline.domain.failure.classify import Failure
from lifeline.domain.inbound.records import ReportOfTest, ReportsOfTests, WebhookSeen
from lifeline.domain.pace.pace import split
from lifeline.domain.panic.detection import STATUS_WITHIN, unreported
from lifeline.domain.panic.flag import By, State, note
from lifeline.domain.panic.probing import TEST_PREFIX
from lifeline.domain.phone import NotAPhoneNumber, mask, normalise
from lifeline.errors import RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.operate.operate import Handler, Request, time_left
from lifeline.use_cases.shared.all_templates import all_templates
from lifeline.use_cases.shared.panic_mode import PanicMode

DAY: Final = 86_400.0
POLL: Final = 0.5
"""Seconds between two looks for the status of a test send."""
MARGIN: Final = 6.0
"""Seconds that stay for the answer when a status is waited for."""

_FAULTS: Final[Mapping[Fault, str]] = {
    Fault.DNS: "Check GraphBaseUrl and the DNS of the function's network (VPC).",
    Fault.TLS: "A proxy between Lifeline and Meta breaks TLS, or a clock is wrong.",
}


@dataclass(slots=True)
class CheckStep:
    """One step of the test. ``ok`` None: not tried, because an earlier step failed."""

    name: str
    ok: bool | None = None
    detail: str = ""
    remedy: str = ""
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)


class OperateWhatsAppTest:
    """Whether WhatsApp works for us at this moment, and where it does not, at which step."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        whatsapp: WhatsApp,
        reach: GraphHost,
        clock: Callable[[], float],
        pause: Callable[[float], None],
        new_id: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._control = control
        self._panic = panic
        self._whatsapp = whatsapp
        self._reach = reach
        self._clock = clock
        self._pause = pause
        self._new_id = new_id

    def handlers(self) -> Mapping[str, Handler]:
        """The action of this group."""
        return {"whatsapp.test": self.test}

    def test(self, request: Request) -> dict[str, Any]:
        """Go the whole way to WhatsApp step by step. A failed step is an answer, not an error.

        In panic too: who tests by hand wants to know whether it may end.
        """
        to = self._number(request.get("to"))
        began = self._clock()
        steps = []
        for step in self._steps(request, to):
            steps.append(step)
        ok = all(step.ok is not False for step in steps)
        self._remember(request, ok, steps)
        return {
            "at": format_instant(began),
            "ok": ok,
            "to": mask(to) if to else None,
            "seconds": round(self._clock() - began, 3),
            "steps": [
                {
                    "name": step.name,
                    "ok": step.ok,
                    "seconds": round(step.seconds, 3),
                    "detail": step.detail,
                    "remedy": step.remedy,
                    "warnings": step.warnings,
                }
                for step in steps
            ],
            "panic": self._panic.flag(WHATSAPP).state is State.PANIC,
        }

    def _number(self, given: str | None) -> str | None:
        if given is None:
            return None
        try:
            return normalise(given, self._settings.default_region_code or None)
        except NotAPhoneNumber as error:
            raise RefusedError(
                "invalid_phone", f"the number to test with: {error}; write it as +4915112345678"
            ) from error

    def _steps(self, request: Request, to: str | None) -> Iterator[CheckStep]:
        name = self._timed("name resolution", self._resolve, True)
        yield name
        connection = self._timed("connection", self._connect, name.ok)
        yield connection
        token = self._timed("token", self._token, connection.ok)
        yield token
        number = self._timed("number health", self._health, token.ok)
        yield number
        yield self._timed("templates", self._templates, token.ok)
        yield self._timed("webhook", self._webhook, True)
        if to is None:
            return
        key = f"{TEST_PREFIX}{self._new_id()}"
        # A number in bad health is tried all the same: the answer names the reason best.
        send = self._timed("send", lambda step: self._send(step, request, to, key), token.ok)
        yield send
        within = float(request.get("wait_seconds") or 30)
        yield self._timed("status", lambda step: self._status(step, request, key, within), send.ok)

    def _timed(self, name: str, run: Callable[[CheckStep], None], possible: bool | None) -> CheckStep:
        step = CheckStep(name)
        if not possible:
            step.detail = "not tried: an earlier step failed"
            return step
        began = self._clock()
        try:
            run(step)
        except UnavailableError as error:
            step.ok, step.detail = False, str(error)
            step.remedy = "An AWS service does not answer the operator function; try again."
        step.seconds = max(0.0, self._clock() - began)
        return step

    def _resolve(self, step: CheckStep) -> None:
        try:
            step.detail = f"{self._reach.host} is {', '.join(self._reach.resolve()[:3])}"
            step.ok = True
        except UnreachedError as error:
            _unreached(step, error)

    def _connect(self, step: CheckStep) -> None:
        try:
            step.detail = self._reach.connect()
            step.ok = True
        except UnreachedError as error:
            _unreached(step, error)

    def _token(self, step: CheckStep) -> None:
        answer = self._whatsapp.debug_token()
        if isinstance(answer, Failure):
            _failed(step, answer)
            return
        facts = read_facts(answer.body.get("data"))
        state = decide(facts, self._clock(), self._settings.token.renew_days)
        step.ok = state is not TokenState.INVALID
        if not step.ok:
            step.detail = f"not valid: {why_invalid(facts)}"
            step.remedy = remedy(WHATSAPP, Cause.AUTH)
            return
        end = (
            "never expires" if facts.expires_at is None else f"expires at {format_instant(facts.expires_at)}"
        )
        step.detail = f"valid, {end}"
        if state is TokenState.TO_RENEW:
            step.warnings.append("the token is due for renewal: lifeline whatsapp refresh-token")
        if facts.missing_scopes:
            step.warnings.append(f"the token lacks {', '.join(facts.missing_scopes)}")

    def _health(self, step: CheckStep) -> None:
        answer = self._whatsapp.phone_number(NUMBER_FIELDS)
        if isinstance(answer, Failure):
            _failed(step, answer)
            return
        number = number_words(answer.body)
        fault = blocked(answer.body)
        if not fault and number["status"] not in (None, "CONNECTED"):
            fault = f"the number is {number['status']}; Meta sends only if it is CONNECTED"
        step.ok = not fault
        known = [f"{word} {number[word]}" for word in ("status", "quality", "tier") if number[word]]
        step.detail = fault or ", ".join(known) or "healthy"
        if fault:
            step.remedy = remedy(WHATSAPP, Cause.ACCOUNT)
        limiter = self._settings.limiter
        step.warnings += advice(number, (answer.usage,), limiter.rate, limiter.burst)

    def _templates(self, step: CheckStep) -> None:
        templates = all_templates(self._whatsapp)
        if isinstance(templates, Failure):
            _failed(step, templates)
            return
        good = {str(item.get("name")) for item in templates if item.get("status") == "APPROVED"}
        bad = {str(item.get("name")): str(item.get("status")) for item in templates}
        bad = {name: status for name, status in bad.items() if name not in good}
        step.ok = bool(good)
        step.detail = f"{len(good)} approved, {len(bad)} not" if templates else "there are none"
        if not step.ok:
            step.remedy = "Get a template approved in WhatsApp Manager; without one only replies can be sent."
        now = self._clock()
        used = template_sends(self._control.counts(now - DAY, now))
        mapped = self._control.kept(TemplateMap).value.of
        for name, status in sorted(bad.items()):
            if name in used and mapped.get(name) not in good:
                step.warnings.append(
                    f"{name} was used today and is {status}: lifeline whatsapp templates --map {name}=OTHER"
                )

    def _webhook(self, step: CheckStep) -> None:
        now = self._clock()
        due = now - STATUS_WITHIN
        counts = self._control.counts(now - DAY, now)
        accepted = any(minute.get(ACCEPTED) and start + 60 <= due for start, minute in counts.items())
        reported = [start for start, minute in counts.items() if minute.get(REPORTED_SENT)]
        seen = self._control.kept(WebhookSeen).value.at
        marks = [] if seen is None else [seen]
        last = max((*reported, *marks), default=None)
        step.ok = True
        if last is not None:
            step.detail = f"last status {format_instant(last)}, {duration(max(0.0, now - last))} ago"
            silence = unreported(counts, due, seen=seen or 0.0, thresholds=self._settings.detection)
            if silence is None or not silence.is_strange(now):
                return
            step.ok = False
            step.detail += f", and Meta sent no status for the {silence.sends} messages accepted since"
        elif accepted:
            step.ok = False
            step.detail = "Meta accepted messages but never sent a status webhook"
        else:
            step.detail = "none yet, and no sends in the last 24 hours"
            step.warnings.append("use --to with a number of yours: its status proves the webhook")
        if not step.ok:
            step.remedy = (
                "Check in the Meta app that WebhookUrl is registered and subscribed to messages, and the log "
                "of WebhookFunction."
            )

    def _send(self, step: CheckStep, request: Request, to: str, key: str) -> None:
        limiter = self._settings.limiter
        # It takes its token like any send; it does not wait for it, since it is one.
        _, (rate, burst) = split(limiter.rate, limiter.burst, limiter.critical_share)
        self._control.reserve(WHATSAPP, 1, 1 / rate, burst, self._clock())
        template = {
            "name": request.get("template") or "hello_world",
            "language": {"code": request.get("language") or "en_US"},
        }
        outcome = self._whatsapp.post_message(
            {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": to.lstrip("+"),
                "type": "template",
                "template": template,
                "biz_opaque_callback_data": key,
            }
        )
        if isinstance(outcome, Failure):
            _failed(step, outcome)
            if outcome.cause is Cause.TEMPLATE_REJECTED:
                step.remedy = "Use --template with an approved template that takes no values."
            return
        step.ok = True
        step.detail = f"Meta accepted template {template['name']} ({outcome.wamid})"
        if outcome.held:
            step.warnings.append("Meta holds it to assess its quality; it may be delivered later or never")

    def _status(self, step: CheckStep, request: Request, key: str, within: float) -> None:
        deadline = self._clock() + min(within, max(0.0, time_left(request) - MARGIN))
        while True:
            report = self._control.kept(ReportsOfTests).value.of.get(key, ReportOfTest())
            states = report.states
            if "failed" in states:
                step.ok = False
                code = "" if report.code is None else f"code {report.code}: "
                step.detail = f"failed: {code}{report.details}"
                row = rule_for(report.code)
                step.remedy = row[1].remedy if row else "lifeline errors names the code's remedy."
                return
            if "delivered" in states or "read" in states:
                step.ok = True
                step.detail = f"{'read' if 'read' in states else 'delivered'}; the webhook works"
                return
            if self._clock() >= deadline:
                break
            self._pause(POLL)
        step.ok = bool(states)
        if states:
            step.detail = f"{states[-1]}; the webhook works"
            step.warnings.append("not delivered yet: the phone may be off")
            return
        step.detail = f"no status webhook within {within:g} s"
        step.remedy = (
            "Meta accepts messages but sends no status webhooks: check in the Meta app that WebhookUrl is "
            "registered and subscribed to messages."
        )

    def _remember(self, request: Request, ok: bool, steps: list[CheckStep]) -> None:
        """Into the history of an incident under way: it is the evidence on which somebody may end it."""
        if self._control.flag(WHATSAPP).state is State.NORMAL:
            return
        failed = [step.name for step in steps if step.ok is False]
        now = self._clock()
        self._panic.change(
            WHATSAPP,
            lambda flag: note(
                flag,
                By(
                    request["actor"],
                    "operator",
                    "tested by an operator: "
                    + ("every step succeeded" if ok else f"failed: {', '.join(failed)}"),
                    now,
                ),
                evidence={step.name: step.detail for step in steps},
            ),
        )


def _unreached(step: CheckStep, error: UnreachedError) -> None:
    step.ok, step.detail = False, str(error)
    step.remedy = _FAULTS.get(error.fault, remedy(WHATSAPP, Cause.UNREACHABLE))


def _failed(step: CheckStep, failure: Failure) -> None:
    step.ok = False
    step.detail = failure.words
    step.remedy = failure.remedy
