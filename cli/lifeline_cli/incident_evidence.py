"""What made an incident begin, in words: the evidence of its first event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lifeline.contract.instants import duration, format_instant

from lifeline_cli.render import moment

_TOLD_ELSEWHERE: Final = ("rule", "remedy", "asked", "share")
"""The reason beside it says them."""
_SENTENCES: Final[Mapping[str, str]] = {
    "consecutive_unreachable": "{} sends in a row did not reach the service",
    "failures_in_a_row": "{} sends or checks in a row failed",
    "code": "the service's code was {}",
    "http_status": "HTTP status {}",
    "alarm": "alarm {}",
    "event": "the service reported {}",
}


def in_words(evidence: Mapping[str, Any]) -> str:
    """Evidence as people read it; ``-`` for none."""
    return "; ".join(_sentences(evidence)) or "-"


def _sentences(evidence: Mapping[str, Any]) -> Iterator[str]:
    left = {name: value for name, value in evidence.items() if value not in (None, "", {}, [], False)}
    if "window_seconds" in left:
        window, failed = left.pop("window_seconds"), left.pop("failed", {})
        ok = left.pop("ok", 0)
        causes = ", ".join(f"{number} {str(cause).replace('_', ' ')}" for cause, number in failed.items())
        yield f"in the {duration(window)} before: {ok} sends accepted, {sum(failed.values())} failed" + (
            f" ({causes})" if causes else ""
        )
    if "accepted" in left:
        yield f"{left.pop('accepted')} sends accepted, {left.pop('with_status', 0)} of them reported"
    if "refused" in left:
        yield f"{left.pop('refused')} of {left.pop('asked', '?')} sends refused"
    for name, value in left.items():
        if name == "until" and isinstance(value, int | float):
            yield f"until {moment(format_instant(value))}"
        elif name in _SENTENCES:
            yield _SENTENCES[name].format(value)
        elif name not in _TOLD_ELSEWHERE:
            yield f"{name.replace('_', ' ')} {_plain(value)}"


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {inner}" for name, inner in value.items())
    return "yes" if value is True else str(value)
