"""The story in a terminal: delivery, an outage, fallback, recovery, drain, and an account that balances.

300 messages of all priorities for 90 people: a third have the app, a third have email only, a third have
neither. In the middle of the flow Meta becomes unreachable. Exits 0 only when every accepted message ended in
exactly one status and the counts of simulator, mail box, SNS and ledger agree; ``out/demo/summary.json``. It
ends with the incident's report, ``out/demo/report.html``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.live import Live

from local import demo_view
from local.build import ROOT, LocalError
from local.demo_view import Chapter, Moment
from local.stack import LocalStack, running

OUT = ROOT / "out" / "demo"
MESSAGES = 300
PEOPLE = 90
PER_SECOND = 5
OUTAGE_AFTER = 90
"""Messages put on the queue before Meta becomes unreachable."""
ACCEPTED_BEFORE = 60
"""Of those, sends that Meta must have accepted by then: a cold start comes before the first."""
DRAIN_RATE = 2.0
DEADLINE = 420.0
QUIET = 8.0
"""Longest silence, in seconds, where nothing live can be shown, but for what one look takes."""
OPEN = frozenset({"CLAIMED", "PARKED", "IN_DOUBT", "FAILED"})
ON_WHATSAPP = frozenset({"SENT", "HELD", "DELIVERED", "READ"})


@dataclass
class Story:
    """What is seen while the story runs."""

    stack: LocalStack
    started: float = field(default_factory=time.monotonic)
    chapter: Chapter = demo_view.DELIVERING
    queued: int = 0
    fault_at: float = 0.0
    fault_off_at: float = 0.0
    panic_at: float = 0.0
    first_refused_at: float = 0.0
    recovered_at: float = 0.0
    parked_peak: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    accepted: int = 0
    flag: dict[str, Any] = field(default_factory=dict)
    incident_id: str = ""
    problem: BaseException | None = None


def run_lifeline(stack: LocalStack, *words: str, colour: bool = False) -> str:
    """Run one command of the operator's command line; what it prints.

    Raises:
        LocalError: It failed.
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env |= stack.environment() | {"LIFELINE_STACK": stack.name, "PYTHONPATH": "layers/lifeline:cli"}
    if colour:
        env |= {"FORCE_COLOR": "1", "COLUMNS": str(demo_view.WIDTH), "TERM": "xterm-256color"}
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lifeline"), *words],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise LocalError(f"lifeline {' '.join(words)} failed: {done.stdout}{done.stderr}")
    return done.stdout


def lifeline(stack: LocalStack, *words: str) -> Any:
    """The answer of one command, from its JSON."""
    return json.loads(run_lifeline(stack, "--json", *words))


def picture_of_status(stack: LocalStack) -> None:
    """Keep what ``lifeline status`` shows now as a picture."""
    printed = run_lifeline(stack, "status", colour=True)
    (OUT / "status.svg").write_text(demo_view.terminal(printed, "lifeline status"))


def control(stack: LocalStack, method: str, path: str, body: Any = None) -> Any:
    """One request to the Graph simulator's control surface."""
    answer = requests.request(method, f"{stack.endpoints['graph_control']}{path}", json=body, timeout=10)
    answer.raise_for_status()
    return answer.json()


def register_people(stack: LocalStack) -> None:
    """A third with the app, a third with email only, a third with neither."""
    table = stack.outputs["ContactsTableName"]
    client = stack.client("dynamodb")
    for number in range(PEOPLE):
        item: dict[str, Any] = {"user_id": {"S": f"person-{number}"}, "updated_at": {"N": "0"}}
        if number % 3 == 0:
            item["push_endpoint"] = {"S": stack.new_push_endpoint()}
        elif number % 3 == 1:
            item["email"] = {"S": f"person-{number}@example.org"}
        client.put_item(TableName=table, Item=item)


def message(number: int) -> dict[str, Any]:
    """Message ``number`` of the story: every way of reaching people meets every priority."""
    person = number % PEOPLE
    priority = ("critical", "normal", "normal", "bulk", "normal")[number // 3 % 5]
    return {
        "id": f"demo:{number:03d}",
        "to": f"+49151{20000000 + person}",
        "type": "template",
        "template": {
            "name": "appointment_reminder",
            "language": "en_US",
            "parameters": [f"Person {person}", "Monday", "9:00"],
        },
        "text": f"Hello person {person}, your appointment is on Monday at 9:00.",
        "priority": priority,
        "category": "appointment",
        "recipient": {"user_id": f"person-{person}"},
    }


def put_messages(story: Story) -> None:
    """The producer: a steady flow through the whole outage."""
    client = story.stack.client("sqs")
    outputs = story.stack.outputs
    urls = {
        "critical": outputs["CriticalQueueUrl"],
        "normal": outputs["WhatsappQueueUrl"],
        "bulk": outputs["BulkQueueUrl"],
    }
    started = time.monotonic()
    for number in range(MESSAGES):
        due = started + number / PER_SECOND
        time.sleep(max(0.0, due - time.monotonic()))
        body = message(number)
        client.send_message(QueueUrl=urls[body["priority"]], MessageBody=json.dumps(body))
        story.queued = number + 1


def look(story: Story) -> None:
    """Read the ledger, the flag and the simulator's record once."""
    stack = story.stack
    rows: dict[str, dict[str, Any]] = {}
    arguments: dict[str, Any] = {"TableName": stack.outputs["MessagesTableName"], "ConsistentRead": True}
    client = stack.client("dynamodb")
    while True:
        page = client.scan(**arguments)
        for item in page["Items"]:
            rows[item["id"]["S"]] = item
        if "LastEvaluatedKey" not in page:
            break
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    story.rows = rows
    story.statuses = Counter(item["status"]["S"] for item in rows.values())
    story.parked_peak = max(story.parked_peak, story.statuses["PARKED"])
    key = {"pk": {"S": "flag"}, "sk": {"S": "whatsapp"}}
    found = client.get_item(TableName=stack.outputs["ControlTableName"], Key=key, ConsistentRead=True)
    story.flag = found.get("Item", {})
    story.accepted = control(stack, "GET", "/_control/requests?accepted=true&limit=0")["count"]
    state = story.flag.get("state", {}).get("S", "normal")
    if state == "panic" and not story.panic_at:
        story.panic_at = float(story.flag["since"]["N"])
        story.incident_id = story.flag["incident_id"]["S"]
        refused = [
            float(item["attempted_at"]["N"])
            for item in rows.values()
            if item.get("cause", {}).get("S") == "unreachable" and "attempted_at" in item
        ]
        story.first_refused_at = min(refused, default=story.panic_at)
    if story.panic_at and state != "panic" and not story.recovered_at:
        story.recovered_at = float(story.flag["left_panic_at"]["N"])


def moment(story: Story) -> Moment:
    """What is seen now."""
    return Moment(
        chapter=story.chapter,
        elapsed=time.monotonic() - story.started,
        state=story.flag.get("state", {}).get("S", "normal"),
        successes=int(story.flag.get("successes", {}).get("N", "0")),
        queued=story.queued,
        messages=MESSAGES,
        accepted=story.accepted,
        statuses=story.statuses,
    )


def turn(story: Story) -> None:
    """Break Meta and repair it when it is time, and say which chapter it is."""
    if not story.fault_at and story.queued >= OUTAGE_AFTER and story.accepted >= ACCEPTED_BEFORE:
        control(story.stack, "POST", "/_control/faults", {"kind": "unreachable"})
        story.fault_at = time.time()
        story.chapter = demo_view.FAILING
    elif story.fault_at and not story.fault_off_at and story.queued >= MESSAGES and story.panic_at:
        picture_of_status(story.stack)
        control(story.stack, "DELETE", "/_control/faults")
        story.fault_off_at = time.time()
        story.chapter = demo_view.PROBING
    elif story.panic_at and not story.fault_off_at:
        story.chapter = demo_view.PANIC
    elif story.recovered_at:
        story.chapter = demo_view.RECOVERING


def tell(story: Story, live: Live | None, console: Console) -> None:
    """Run the story; every step waits for what it promises, to a deadline."""
    deadline = time.monotonic() + DEADLINE
    producer = threading.Thread(target=put_messages, args=(story,), daemon=True)
    producer.start()
    chapter: Chapter | None = None
    told = 0.0
    if not live:
        console.print(demo_view.legend())
    while True:
        look(story)
        turn(story)
        if live:
            live.update(demo_view.view(moment(story)))
        else:
            if story.chapter != chapter:
                chapter = story.chapter
                told = time.monotonic()
                console.print(demo_view.heading(moment(story)), highlight=False)
            if time.monotonic() - told >= QUIET:
                told = time.monotonic()
                console.print(demo_view.progress(moment(story)), highlight=False, soft_wrap=True)
        left = sum(story.statuses[status] for status in OPEN)
        waiting_for_webhook = story.statuses["SENT"] + story.statuses["HELD"]
        if story.recovered_at and len(story.rows) >= MESSAGES and not left and not waiting_for_webhook:
            story.chapter = demo_view.DONE
            if live:
                live.update(demo_view.view(moment(story)))
            else:
                console.print(demo_view.heading(moment(story)), highlight=False)
            return
        if time.monotonic() > deadline:
            console.print(f"the demo did not end within {DEADLINE:.0f} seconds")
            return
        time.sleep(0.5)


def count_pushes(story: Story) -> int:
    """How often SNS was asked to push to a device, from the record of API calls (CloudTrail).

    The local AWS answers 50 events at most and knows no next page, so the time is walked in small steps.
    """
    trail = story.stack.client("cloudtrail")
    found: set[str] = set()
    at = story.fault_at - 5
    while at < time.time():
        listed = trail.lookup_events(
            LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "sns.amazonaws.com"}],
            StartTime=datetime.fromtimestamp(at, UTC),
            EndTime=datetime.fromtimestamp(at + 0.5, UTC),
        )["Events"]
        if len(listed) >= 50:
            raise LocalError("more pushes in half a second than the record shows at once")
        found |= {event["EventId"] for event in listed if "TargetArn" in event["CloudTrailEvent"]}
        at += 0.5
    return len(found)


def account(story: Story) -> dict[str, Any]:
    """Compare what everybody says: simulator, mail box, SNS, ledger."""
    stack = story.stack
    record = control(stack, "GET", "/_control/requests?accepted=true")["requests"]
    by_id = Counter(entry["callback"].partition("#")[0] for entry in record)  # Meta gets ID#ACT
    pushes = count_pushes(story)
    mails = requests.get(f"{stack.aws_url}/_ministack/ses/messages", timeout=10).json()["messages"]
    emails = sum(len(box) for box in mails.values())
    statuses = {name: item["status"]["S"] for name, item in story.rows.items()}
    by_status = Counter(statuses.values())
    accepted = {f"demo:{number:03d}" for number in range(MESSAGES)}
    on_whatsapp = {name for name, status in statuses.items() if status in ON_WHATSAPP}
    unaccounted = len(accepted - statuses.keys()) + sum(by_status[status] for status in OPEN)
    duplicates = sum(count - 1 for count in by_id.values())
    history = lifeline(stack, "panic", "history", "whatsapp", "--probes")
    events = history["result"]["events"]
    probes = [
        {"time": event["at"], "ok": event["kind"] != "probe_failed"}
        for event in reversed(events)
        if event.get("incident_id") == story.incident_id
        and (
            event["kind"].startswith("probe_")
            or (event["kind"] == "recovering" and event["source"] == "prober")
        )
    ]
    released = sorted(entry["time"] for entry in record if entry["time"] > story.recovered_at + 1)
    full = [at for at in released if at > released[0] + 62] if released else []
    measured = (len(full) - 1) / (full[-1] - full[0]) if len(full) > 10 else 0.0
    agree = (
        on_whatsapp == set(by_id)
        and by_status["PUSHED"] == pushes
        and by_status["EMAILED"] == emails
        and set(statuses) == accepted
    )
    return {
        "accepted": len(accepted),
        "by_status": dict(sorted(by_status.items())),
        "whatsapp_sends": len(record),
        "duplicate_sends": duplicates,
        "unaccounted": unaccounted,
        "pushes": pushes,
        "emails": emails,
        "parked_peak": story.parked_peak,
        "seconds_to_panic": round(story.panic_at - story.first_refused_at, 2) if story.panic_at else None,
        "seconds_fault_to_panic": round(story.panic_at - story.fault_at, 2) if story.panic_at else None,
        "probes": probes,
        "seconds_to_recovery": round(story.recovered_at - story.fault_off_at, 2)
        if story.recovered_at
        else None,
        "drain_rate_set": DRAIN_RATE,
        "drain_rate_measured": round(measured, 2),
        "conserved": agree and not unaccounted and not duplicates,
    }


def write_report(story: Story, summary: dict[str, Any], page: Path) -> bool:
    """Write the report of the outage as a page and as JSON; whether it counts what everybody else counts."""
    if not story.incident_id:
        return False
    words = ("incident", "report", story.incident_id, "--html", str(page))
    report = lifeline(story.stack, *words)["result"]
    page.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    messages = report["messages"]
    return bool(
        messages["push"] == summary["pushes"]
        and messages["email"] == summary["emails"]
        and messages["duplicates"] == summary["duplicate_sends"]
    )


def kept(summary: dict[str, Any]) -> list[str]:
    """Promises that were broken; empty when all were kept."""
    broken = []
    if not summary["conserved"]:
        broken.append("the counts do not balance")
    if not summary["report_agrees"]:
        broken.append("the incident's report counts other pushes, emails or duplicates than the services")
    if summary["seconds_to_panic"] is None or summary["seconds_to_panic"] > 5:
        broken.append("panic took more than 5 seconds from the first refused send")
    if summary["seconds_to_recovery"] is None or summary["seconds_to_recovery"] > 75:
        broken.append("recovery took more than 75 seconds from the end of the fault")
    if abs(summary["drain_rate_measured"] - summary["drain_rate_set"]) > 0.05 * summary["drain_rate_set"]:
        broken.append("the drain's rate is more than 5 % off")
    return broken


def main() -> int:
    """Set up, tell the story, account for it."""
    console = Console()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    started = time.monotonic()
    console.print(demo_view.INTRODUCTION, highlight=False)
    with running(ROOT / ".local" / "demo", name="lifeline-demo") as stack:
        console.print(f"registering {PEOPLE} people, drain rate {DRAIN_RATE:g}/s")
        register_people(stack)
        lifeline(stack, "queue", "set-rate", "--queue", "whatsapp-queue", "--rate", f"{DRAIN_RATE:g}/s")
        story = Story(stack)
        if console.is_terminal:
            with Live(demo_view.view(moment(story)), console=console, refresh_per_second=4) as live:
                tell(story, live, console)
        else:
            tell(story, None, console)
        console.print("counting what the simulator of Meta, the mail box, SNS and the ledger have")
        summary = account(story)
        console.print("writing the incident's report")
        summary["report_agrees"] = write_report(story, summary, OUT / "report.html")
        if not summary["conserved"]:
            (OUT / "rows.json").write_text(json.dumps(story.rows, indent=1))
    summary["seconds"] = round(time.monotonic() - started, 1)
    (OUT / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    console.print(demo_view.summary_table(summary))
    broken = kept(summary)
    for sentence in broken:
        console.print(f"[red]broken: {sentence}[/]")
    if not broken:
        console.print("[green]Every message is accounted for: none lost, none sent twice.[/]")
    console.print("The incident's report:  out/demo/report.html")
    console.print("Status during panic:    out/demo/status.svg")
    console.print("All numbers as JSON:    out/demo/summary.json")
    return 1 if broken else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LocalError as problem:
        sys.exit(str(problem))
