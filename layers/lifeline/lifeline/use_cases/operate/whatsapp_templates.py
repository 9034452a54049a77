"""Operator actions on templates: what Meta says of them, and which one stands in for which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.contract.scopes import WHATSAPP, is_scope, template_scope
from lifeline.domain.account.counters import TemplateSends, template_sends
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.account.templates import REASONS, MetaTemplate, parameters, why_not
from lifeline.domain.failure.classify import Failure
from lifeline.domain.panic.flag import By, State, note
from lifeline.errors import RefusedError, UnavailableError
from lifeline.use_cases.operate.operate import Handler, Request
from lifeline.use_cases.shared.all_templates import all_templates
from lifeline.use_cases.shared.panic_mode import PanicMode

SHARE_SECONDS: Final = 86_400.0
"""Seconds over which a template's share of failures is taken."""


class OperateTemplates:
    """Templates as operators see and replace them."""

    def __init__(
        self, *, control: Control, panic: PanicMode, whatsapp: WhatsApp, clock: Callable[[], float]
    ) -> None:
        self._control = control
        self._panic = panic
        self._whatsapp = whatsapp
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {
            "whatsapp.templates": self.overview,
            "whatsapp.map_template": self.map,
            "whatsapp.unmap_template": self.unmap,
            "whatsapp.unpause_template": self.unpause,
        }

    def overview(self, request: Request) -> dict[str, Any]:
        """All templates, or those of one name, status or category, with what panics and what stands in."""
        mapped = self._mapped()
        now = self._clock()
        shares = template_sends(self._control.counts(now - SHARE_SECONDS, now))
        flags = self._control.flags()
        rows = []
        for template in self._all(request.get("name")):
            name = str(template.get("name", ""))
            flag = flags.get(template_scope(name))
            reason = template.get("rejected_reason")
            quality = template.get("quality_score")
            sends = shares.get(name, TemplateSends(0, 0, 0))
            asked, failed = sends.asked, sends.failed
            rows.append(
                {
                    "name": name,
                    "language": template.get("language"),
                    "category": template.get("category"),
                    "status": template.get("status"),
                    "reason": None if reason in (None, "NONE") else reason,
                    "meaning": REASONS.get(str(reason)),
                    "quality": quality.get("score") if isinstance(quality, dict) else None,
                    "sends": asked,
                    "failures": failed,
                    "failure_share": round(min(1.0, failed / asked), 4) if asked else None,
                    "parameters": parameters(template),
                    "panic": bool(flag and flag.state is State.PANIC),
                    "replacement": mapped.get(name),
                }
            )
        for field in ("status", "category"):
            wanted = request.get(field)
            if wanted:
                rows = [row for row in rows if str(row[field]).upper() == str(wanted).upper()]
        rows.sort(key=lambda row: (row["name"], str(row["language"])))
        return {"templates": rows, "mapped": mapped, "hours": SHARE_SECONDS / 3600}

    def map(self, request: Request) -> dict[str, Any]:
        """Let one template stand in for another while that one panics; checked with Meta first."""
        old, new = request["template"], request["replacement"]
        for name in (old, new):
            if not is_scope(template_scope(name)):
                raise RefusedError("bad_template", f"{name[:64]!r} is not a template name")
        olds, news = self._all(old), self._all(new)
        fault = why_not(old, new, olds, news)
        if fault:
            raise RefusedError("unfit_replacement", fault)
        before = self._save(old, new, request)
        warnings = []
        if not olds:
            warnings.append(
                f"Meta knows no template {old}: its values could not be compared with those of {new}"
            )
        if self._control.flag(template_scope(new)).blocks_sending:
            warnings.append(f"{new} is in panic itself: Lifeline uses it after it recovers")
        if not self._control.flag(template_scope(old)).blocks_sending:
            warnings.append(f"{old} is not in panic: Lifeline uses {new} only while it is")
        return {"template": old, "replacement": new, "before": before, "warnings": warnings}

    def unmap(self, request: Request) -> dict[str, Any]:
        """Nothing stands in for a template any more."""
        old = request["template"]
        before = self._save(old, None, request)
        if before is None:
            raise RefusedError("not_mapped", f"no replacement for {old[:64]}", sorted(self._mapped()))
        return {"template": old, "replacement": None, "before": before, "warnings": []}

    def unpause(self, request: Request) -> dict[str, Any]:
        """Ask Meta to send a paused template again: one that pacing has paused never resumes by itself."""
        name = request["template"]
        templates = self._all(name)
        if not templates:
            raise RefusedError("unknown_template", f"template {name[:64]} does not exist")
        paused = [template for template in templates if template.get("status") == "PAUSED"]
        if not paused:
            states = ", ".join(f"{item.get('language')} is {item.get('status')}" for item in templates)
            raise RefusedError("not_paused", f"template {name} is not paused: {states}")
        done: list[str] = []
        refused: list[str] = []
        for template in paused:
            answer = self._whatsapp.unpause(str(template.get("id", "")))
            language = str(template.get("language"))
            if isinstance(answer, Failure):
                refused.append(f"{language}: {answer.words}")
            else:
                done.append(language)
        if not done:
            raise RefusedError("not_unpaused", f"Meta does not unpause {name}: {'; '.join(refused)[:400]}")
        now = self._clock()
        flag, _ = self._panic.change(
            template_scope(name),
            lambda flag: note(
                flag,
                By(
                    request["actor"],
                    "operator",
                    f"asked Meta to unpause {name} ({', '.join(done)}): {request['reason']}",
                    now,
                ),
                evidence={"template": name, "languages": done, "refused": refused},
            ),
        )
        warnings = [f"not unpaused: {text}" for text in refused]
        if flag.blocks_sending:
            warnings.append(
                "it stays in panic until Meta lists it as APPROVED; probes check every 15 seconds"
            )
        warnings.append(
            "a template that was just unpaused is paced: if people block it again, Meta pauses it again"
        )
        return {"template": name, "unpaused": done, "warnings": warnings}

    def _save(self, old: str, new: str | None, request: Request) -> str | None:
        now = self._clock()
        stored = self._control.kept(TemplateMap)
        mapped = dict(stored.value.of)
        before = mapped.pop(old, None)
        if new is not None:
            mapped[old] = new
        if before == new:
            return before
        self._control.keep(
            TemplateMap(mapped),
            actor=request["actor"],
            reason=request["reason"],
            now=now,
            read_version=stored.version,
        )
        what = f"{new} replaces {old}" if new else f"no replacement for {old} any more"
        self._panic.change(
            template_scope(old),
            lambda flag: note(
                flag,
                By(request["actor"], "operator", f"{what}: {request['reason']}", now),
                evidence={"template": old, "replacement": new, "before": before},
            ),
        )
        return before

    def _mapped(self) -> dict[str, str]:
        return dict(self._control.kept(TemplateMap).value.of)

    def _all(self, name: str | None) -> list[MetaTemplate]:
        templates = all_templates(self._whatsapp, name)
        if isinstance(templates, Failure):
            raise UnavailableError(
                WHATSAPP, "reading templates", f"{templates.words} ({templates.remedy})", str(templates.code)
            )
        return templates
