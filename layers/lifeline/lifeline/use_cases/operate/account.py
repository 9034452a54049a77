"""Operator actions on the account: rates and limits, volume, and a test of the whole way to WhatsApp."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.reach import Reach, UnreachedError
from lifeline.adapters.whatsapp import Answer, WhatsApp
from lifeline.contract.instants import format_instant
from lifeline.contract.names import WHATSAPP
from lifeline.domain.account.counters import ACCEPTED, REPORTED_SENT, TrafficKind, template_sends
from lifeline.domain.account.health import NUMBER_FIELDS, advice, blocked, number_words, tokens, usage_words
from lifeline.domain.account.token import TokenState, decide, read_facts, why_invalid
from lifeline.domain.account.volume import Volume, summarise
from lifeline.domain.failure.causes import Cause, Fault, remedy
from lifeline.domain.failure.classify import Failure
from lifeline.domain.failure.rules import rule_for
from lifeline.domain.failure.usage import Quota, Usage
from lifeline.domain.pace.pace import split
from lifeline.domain.panic.flag import State, note
from lifeline.domain.panic.probing import TEST_PREFIX
from lifeline.domain.phone import NotAPhoneNumber, mask, normalise
from lifeline.domain.records import TEMPLATE_MAP, TEST_STATUS, USAGE_SEEN, WEBHOOK_SEEN
from lifeline.errors import RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.operate.operate import Handler, Request, time_left
from lifeline.use_cases.operate.templates import all_templates
from lifeline.use_cases.panic.panic_mode import PanicMode

MINUTE: Final = 60.0
DAY: Final = 86_400.0
TOP: Final = 20
"""Templates and categories that an answer lists one by one; the rest is summed up."""
POLL: Final = 0.5
"""Seconds between two looks for the status of a test send."""
MARGIN: Final = 6.0
"""Seconds that stay for the answer when a status is waited for."""
LATE: Final = 600.0
"""Seconds after which an accepted message without any status webhook is strange: the note of the last webhook
is up to five minutes old, and a status takes seconds.
"""
RECENT: Final = 120.0
"""Seconds within which an accepted message may still be without a status."""

_FAULTS: Final[Mapping[Fault, str]] = {
    Fault.DNS: "Check GraphBaseUrl, and the name service of the function's network (VPC).",
    Fault.TLS: "Something between us and Meta breaks TLS: a proxy, or a wrong clock.",
}


@dataclass(slots=True)
class Step:
    """One step of the test. ``ok`` None: not tried, because an earlier step failed."""

    name: str
    ok: bool | None = None
    detail: str = ""
    remedy: str = ""
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)


class OperateAccount:
    """What the account may do, what it did, and whether it works."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        whatsapp: WhatsApp,
        reach: Reach,
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
        """The actions of this group."""
        return {
            "whatsapp.rate_status": self.rate_status,
            "whatsapp.volume": self.volume,
            "whatsapp.test": self.test,
        }

    # -- rate ----------------------------------------------------------------------------------------

    def rate_status(self, request: Request) -> dict[str, Any]:
        """Our limiter, Meta's limits, and the usage headers last seen. A Meta that refuses is part of it."""
        now = self._clock()
        limiter = self._settings.limiter
        used = sum(
            bucket.ok + sum(bucket.failed.values())
            for bucket in self._control.window(WHATSAPP).buckets
            if bucket.start > now - MINUTE
        )
        flag = self._control.flag(WHATSAPP)
        answer = self._ask_number()
        number = None if isinstance(answer, str | Failure) else number_words(answer.body)
        sent = _usage(self._control.setting(USAGE_SEEN).value)
        asked = None if isinstance(answer, str | Failure) else answer.usage
        bulk_rate = limiter.bulk_rate
        _, shared = split(limiter.rate, limiter.burst, limiter.critical_share)
        return {
            "at": format_instant(now),
            "state": str(flag.state),
            "earliest_recovery": format_instant(flag.earliest_recovery)
            if flag.state is State.PANIC and flag.earliest_recovery > now
            else None,
            "limiter": {
                "rate": limiter.rate,
                "burst": limiter.burst,
                "used_last_minute": used,
                "share": round(used / (limiter.rate * MINUTE), 4),
                **self._tokens(WHATSAPP, *shared, now),
                "bulk": {
                    "rate": bulk_rate,
                    **self._tokens("bulk", bulk_rate, max(1, int(limiter.bulk_share * limiter.burst)), now),
                },
            },
            "meta": number,
            "error": _refusal(answer),
            "usage": [
                *_shown("sends", sent, now),
                *_shown("this question", (now, asked) if asked else None, now),
            ],
            "notes": advice(number, (sent[1] if sent else None, asked), limiter.rate, limiter.burst),
        }

    def _tokens(self, lane: str, rate: float, burst: int, now: float) -> dict[str, Any]:
        found = tokens(self._control.limiter(lane), now, rate, burst)
        return {
            "tokens": found.available,
            "booked_ahead": found.booked,
            "next_in_seconds": round(found.free_at - now, 3),
        }

    def _ask_number(self) -> Answer | Failure | str:
        try:
            return self._whatsapp.phone_number(NUMBER_FIELDS)
        except UnavailableError as error:
            return str(error)

    # -- volume --------------------------------------------------------------------------------------

    def volume(self, request: Request) -> dict[str, Any]:
        """What was handled in the last hours, of which kind, and what made the busiest minute."""
        now = self._clock()
        hours = float(request.get("hours") or 1)
        since = now - hours * 3600
        found = summarise(self._control.counts(since, now), since, now)
        return {
            "at": format_instant(now),
            "since": format_instant(since),
            "hours": hours,
            "total": found.total,
            "accepted": found.accepted,
            "outcomes": _listed(found.outcomes),
            "priorities": _listed(found.priorities),
            "categories": _listed(found.categories),
            "templates": _listed(found.templates),
            "step_seconds": found.step,
            "bars": [
                {"at": format_instant(bar.start), "count": bar.count, "limited": bar.limited}
                for bar in found.bars
            ],
            "peak": _peak(found),
        }

    # -- test ----------------------------------------------------------------------------------------

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

    def _steps(self, request: Request, to: str | None) -> Iterator[Step]:
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

    def _timed(self, name: str, run: Callable[[Step], None], possible: bool | None) -> Step:
        step = Step(name)
        if not possible:
            step.detail = "not tried: an earlier step failed"
            return step
        began = self._clock()
        try:
            run(step)
        except UnavailableError as error:
            step.ok, step.detail = False, str(error)
            step.remedy = "A service of AWS does not answer the operator function; try again."
        step.seconds = max(0.0, self._clock() - began)
        return step

    def _resolve(self, step: Step) -> None:
        try:
            step.detail = f"{self._reach.host} is {', '.join(self._reach.resolve()[:3])}"
            step.ok = True
        except UnreachedError as error:
            _unreached(step, error)

    def _connect(self, step: Step) -> None:
        try:
            step.detail = self._reach.connect()
            step.ok = True
        except UnreachedError as error:
            _unreached(step, error)

    def _token(self, step: Step) -> None:
        answer = self._whatsapp.debug_token()
        if isinstance(answer, Failure):
            _failed(step, answer)
            return
        facts = read_facts(answer.body.get("data"))
        state = decide(facts, self._clock(), self._settings.token.renew_days)
        step.ok = state is not TokenState.INVALID
        if not step.ok:
            step.detail = f"not valid: {why_invalid(facts)}"
            step.remedy = remedy(Cause.AUTH)
            return
        end = "without an end" if facts.expires_at is None else f"ends at {format_instant(facts.expires_at)}"
        step.detail = f"valid, {end}"
        if state is TokenState.TO_RENEW:
            step.warnings.append("the token is due for renewal: lifeline whatsapp refresh-token")
        if facts.missing_scopes:
            step.warnings.append(f"the token lacks {', '.join(facts.missing_scopes)}")

    def _health(self, step: Step) -> None:
        answer = self._whatsapp.phone_number(NUMBER_FIELDS)
        if isinstance(answer, Failure):
            _failed(step, answer)
            return
        number = number_words(answer.body)
        fault = blocked(answer.body)
        if not fault and number["status"] not in (None, "CONNECTED"):
            fault = f"the number is {number['status']}; Meta sends only for a CONNECTED one"
        step.ok = not fault
        known = [f"{word} {number[word]}" for word in ("status", "quality", "tier") if number[word]]
        step.detail = fault or ", ".join(known) or "healthy"
        if fault:
            step.remedy = remedy(Cause.ACCOUNT)
        limiter = self._settings.limiter
        step.warnings += advice(number, (answer.usage,), limiter.rate, limiter.burst)

    def _templates(self, step: Step) -> None:
        listed = all_templates(self._whatsapp)
        if isinstance(listed, Failure):
            _failed(step, listed)
            return
        good = {str(item.get("name")) for item in listed if item.get("status") == "APPROVED"}
        bad = {str(item.get("name")): str(item.get("status")) for item in listed}
        bad = {name: status for name, status in bad.items() if name not in good}
        step.ok = bool(good)
        step.detail = f"{len(good)} approved, {len(bad)} not" if listed else "there are none"
        if not step.ok:
            step.remedy = "Get a template approved in WhatsApp Manager; without one only replies can be sent."
        now = self._clock()
        used = template_sends(self._control.counts(now - DAY, now))
        mapped = self._control.setting(TEMPLATE_MAP).value or {}
        for name, status in sorted(bad.items()):
            if name in used and mapped.get(name) not in good:
                step.warnings.append(
                    f"{name} was used today and is {status}: lifeline whatsapp templates --map {name}=OTHER"
                )

    def _webhook(self, step: Step) -> None:
        now = self._clock()
        counts = self._control.counts(now - DAY, now)
        accepted = [start for start, found in counts.items() if found.get(ACCEPTED) and start < now - RECENT]
        reported = [start for start, found in counts.items() if found.get(REPORTED_SENT)]
        seen = self._control.setting(WEBHOOK_SEEN).value
        marks = [float(seen["at"])] if isinstance(seen, dict) and "at" in seen else []
        last = max((*reported, *marks), default=None)
        step.ok = True
        if last is not None:
            step.detail = f"last status {format_instant(last)}"
            if max(accepted, default=0.0) <= last + LATE:
                return
            step.ok = False
            step.detail += ", and messages were accepted since"
        elif accepted:
            step.ok = False
            step.detail = "messages were accepted and no status webhook ever came"
        else:
            step.detail = "none yet, and nothing was sent in the last 24 hours"
            step.warnings.append("give --to a number of your own: its status proves the webhook")
        if not step.ok:
            step.remedy = (
                "Check in the Meta app that WebhookUrl is registered and subscribed to messages, and the log "
                "of WebhookFunction."
            )

    def _send(self, step: Step, request: Request, to: str, key: str) -> None:
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
                step.remedy = "Give --template the name of an approved template that takes no values."
            return
        step.ok = True
        step.detail = f"Meta accepted template {template['name']} ({outcome.wamid})"
        if outcome.held:
            step.warnings.append("Meta holds it to assess its quality; it may be delivered later or never")

    def _status(self, step: Step, request: Request, key: str, within: float) -> None:
        deadline = self._clock() + min(within, max(0.0, time_left(request) - MARGIN))
        while True:
            known = self._control.setting(TEST_STATUS).value or {}
            found = known.get(key) or {}
            states = found.get("states", [])
            if "failed" in states:
                step.ok = False
                step.detail = f"failed: code {found.get('code')}: {found.get('details', '')}"
                rule = rule_for(found.get("code"))
                step.remedy = rule.remedy if rule else "lifeline errors names the code's remedy."
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
            "Meta accepts and reports nothing: check in the Meta app that WebhookUrl is registered and "
            "subscribed to messages."
        )

    def _remember(self, request: Request, ok: bool, steps: list[Step]) -> None:
        """Into the history of an incident under way: it is the evidence on which somebody may end it."""
        if self._control.flag(WHATSAPP).state is State.NORMAL:
            return
        failed = [step.name for step in steps if step.ok is False]
        now = self._clock()
        self._panic.change(
            WHATSAPP,
            lambda flag: note(
                flag,
                reason="tested by hand: "
                + ("every step succeeded" if ok else f"failed: {', '.join(failed)}"),
                actor=request["actor"],
                source="operator",
                at=now,
                evidence={step.name: step.detail for step in steps},
            ),
        )


def _unreached(step: Step, error: UnreachedError) -> None:
    step.ok, step.detail = False, str(error)
    step.remedy = _FAULTS.get(error.fault, remedy(Cause.UNREACHABLE))


def _failed(step: Step, failure: Failure) -> None:
    step.ok = False
    step.detail = failure.words
    step.remedy = failure.remedy


def _refusal(answer: Answer | Failure | str) -> dict[str, str] | None:
    if isinstance(answer, Answer):
        return None
    if isinstance(answer, Failure):
        return {"cause": str(answer.cause), "message": answer.words, "remedy": answer.remedy}
    return {"cause": "unavailable", "message": answer, "remedy": "Try again."}


def _usage(stored: Any) -> tuple[float, Usage] | None:
    """Usage headers as :mod:`lifeline.use_cases.account.usage_seen` keeps them; None where there are none."""
    if not isinstance(stored, dict) or not isinstance(stored.get("quotas"), list):
        return None
    return float(stored["at"]), Usage(tuple(Quota(**quota) for quota in stored["quotas"]))


def _shown(by: str, seen: tuple[float, Usage] | None, now: float) -> Iterator[dict[str, Any]]:
    if seen is None:
        return
    at, usage = seen
    regained = at + usage.regain_seconds
    yield {
        "by": by,
        "at": format_instant(at),
        "age_seconds": round(max(0.0, now - at), 1),
        "percent": usage.percent,
        "quotas": usage_words(usage),
        "regain_at": format_instant(regained) if usage.regain_seconds and regained > now else None,
        "regain_in_seconds": round(max(0.0, regained - now), 1) if usage.regain_seconds else 0,
    }


def _listed(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    items = list(counts.items())
    rows = [{"name": name, "count": count} for name, count in items[:TOP]]
    rest = sum(count for _, count in items[TOP:])
    return [*rows, {"name": f"{len(items) - TOP} others", "count": rest}] if rest else rows


def _peak(found: Volume) -> dict[str, Any] | None:
    peak = found.peak
    if peak is None:
        return None
    return {
        "at": format_instant(peak.start),
        "count": peak.count,
        "per_second": round(peak.count / MINUTE, 2),
        "usual": round(peak.usual, 2),
        "spike": peak.is_spike,
        "made_of": [
            {
                **_kind(part.kind),
                "count": part.count,
                "usual": round(part.usual, 2),
                "share": round(part.share, 4),
            }
            for part in peak.parts[:5]
        ],
    }


def _kind(kind: TrafficKind) -> dict[str, str]:
    return {"priority": kind.priority, "category": kind.category, "template": kind.template}
