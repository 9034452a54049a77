"""``lifeline person``: one person's data, shown or erased."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.operator_actions import OPERATOR_ACTIONS

from lifeline_cli import render
from lifeline_cli.errors import CliError
from lifeline_cli.render import Cli

if TYPE_CHECKING:
    from rich.console import RenderableType

_KEPT: Final = ("reason", "sure")
"""Of a request, for the numbers that it leads to."""

app = typer.Typer(no_args_is_help=True, help="Export or erase one person's data.")

Who = Annotated[
    str,
    typer.Argument(
        metavar="NUMBER|USER_ID",
        help="Phone number, or user ID (yours or Meta's).",
        show_default=False,
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="The reason, for the history, which omits the number.")]
AsUserId = Annotated[
    bool, typer.Option("--user-id", help="It is a user ID, although it looks like a number.")
]
Deep = Annotated[
    bool, typer.Option("--deep", help="Scan the whole ledger too, after a change of the person key.")
]


@app.command()
def export(
    context: typer.Context,
    who: Who,
    reason: Reason,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="Write the JSON to this file; only you may read it."),
    ] = None,
    as_user_id: AsUserId = False,
    deep: Deep = False,
) -> None:
    """Export a person's data as JSON. The history records who asked."""
    cli: Cli = context.obj
    data: list[Any] = []
    request = _request(who, reason, as_user_id, deep)
    answer = _all(cli, "person.export", request, lambda part: data.extend(part["found"]))
    result = {"found": data, "waiting": answer["waiting"]}
    if file is not None:
        _write(file, json.dumps(result, ensure_ascii=False, indent=2) + "\n")
        result = {"found": [], "waiting": answer["waiting"], "file": str(file), "count": len(data)}
    cli.show("person.export", result, draw_export)


@app.command()
def erase(
    context: typer.Context,
    who: Who,
    reason: Reason,
    as_user_id: AsUserId = False,
    deep: Deep = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person's data and cancel their open messages. If interrupted, run it again."""
    cli: Cli = context.obj
    render.confirm("Erase all data of this person?", yes, OPERATOR_ACTIONS["person.erase"].danger)
    removed: Counter[str] = Counter()
    busy: list[int] = []

    def add(part: Mapping[str, Any]) -> None:
        removed.update(part["removed"])
        busy.append(part["busy"])

    answer = _all(cli, "person.erase", {**_request(who, reason, as_user_id, deep), "sure": True}, add)
    result = {**answer, "removed": dict(removed), "busy": max(busy)}
    cli.show("person.erase", result, draw_erase)
    if result["busy"]:
        raise CliError(
            "busy",
            f"{result['busy']} of their messages were being sent and are not erased",
            "Run the command again in two minutes.",
            shown=True,
        )


def _request(who: str, reason: str, as_user_id: bool, deep: bool) -> dict[str, Any]:
    chosen = {"as_user_id": as_user_id, "deep": deep}
    return {"who": who, "reason": reason, **{name: True for name, value in chosen.items() if value}}


def _all(
    cli: Cli, action: str, request: Mapping[str, Any], take: Callable[[Mapping[str, Any]], object]
) -> dict[str, Any]:
    """Ask until there is nothing left to look at, then for each number that a user id was seen with."""
    numbers: dict[str, None] = {}
    with render.progress(cli.as_json) as bar:
        task = bar.add_task("looking", total=None)
        waiting: list[Mapping[str, Any]] = [request]
        while True:
            asked = waiting.pop()
            answer = cli.client.change(action, **asked)
            take(answer)
            bar.update(task, advance=1)
            for number in answer["numbers"]:
                if number not in numbers:
                    numbers[number] = None
                    waiting.insert(0, {"who": number, **{n: v for n, v in request.items() if n in _KEPT}})
            if answer["next"]:
                waiting.append({**asked, **answer["next"]})
            if not waiting:
                return answer


def _write(file: Path, text: str) -> None:
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError("unwritable_file", f"cannot write {file}: {error}") from error


def draw_export(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """Each thing found, as JSON, or where it was written."""
    if "file" in result:
        yield render.text(f"Wrote {result['count']} items to {result['file']}.")
    elif not result["found"]:
        yield render.text("Lifeline has no data of this person.", "green")
    for item in result["found"]:
        yield render.text(item["where"], "bold")
        yield render.text(json.dumps(item["data"], ensure_ascii=False, indent=2))
    yield from _waiting(result)


def draw_erase(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What was removed, and what stays elsewhere."""
    removed = {name: count for name, count in result["removed"].items() if count}
    if not removed:
        yield render.text("Lifeline has no data of this person any more.", "green")
    for name, count in removed.items():
        yield render.text(f"  {name.replace('_', ' '):<15} {count}")
    yield from _waiting(result)
    for words in result["kept"]:
        yield render.text(f"Not erased: {words}.")
    for warning in result["warnings"]:
        yield render.warn(warning)


def _waiting(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    if result["waiting"]:
        yield render.warn(
            f"{result['waiting']} messages are in queues that cannot be searched: run it again after "
            "they are processed (lifeline queue status)"
        )
