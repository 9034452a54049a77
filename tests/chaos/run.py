"""The deployed system under faults, then healed, then accounted for from outside: ``make chaos``.

    python -m tests.chaos.run --seed 1 --messages 10000

Producers put messages on the queues while a proxy faults a share of the functions' AWS calls, workers are
killed in the middle of their calls, and Meta's simulator misbehaves and drops, repeats and shuffles webhooks.
Then all of that ends. When nothing waits any more, each id is accounted for. Exit code 0 only when all are.
``out/chaos/summary.json`` has the numbers, ``out/chaos/details.json`` rows and acts of what went wrong.
"""

from __future__ import annotations

import argparse
import itertools
import json
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.build import ROOT, LocalError
from local.stack import LocalStack, free_port
from tests.chaos.account import SAMPLES, Accepted, Account, Mail, Push, Send, account, row_of
from tests.chaos.outside import Outside, Seen
from tests.chaos.plan import BULK, CRITICAL, Plan, Put, make
from tests.chaos.proxy import FaultProxy, Faults
from tests.chaos.workers import PROC, Workers
from tests.support.system import System

SETTINGS = {
    "panic": {
        "successes_to_end": 2,
        "probe_seconds": 5,
        "rate_limit_seconds": 8,
        "spam_limit_seconds": 8,
        "settle_seconds": 20,
        "flap_base_seconds": 5,
        "flap_max_seconds": 5,
    },
    "retry": {"base": 1, "cap": 10},
    "limiter": {"rate": 400, "burst": 100},
    "drain": {"rate": 200},
}
"""Many short outages instead of few long ones. Leases, grace times and visibility time-outs are real."""
DRAIN_RATE = "200/s"
PACE = 30.0
"""Messages per second, at most."""
HOLD_BACK = 120
"""The producers wait while so many messages stand on the entry queues: otherwise a slow machine would turn
the run into one long overload."""
SHORTEST = 40.0
"""Seconds of faults, however few the messages."""
FAULTS_PER_MESSAGE = 0.2
"""Faults of AWS calls that a run must have met; until then it goes on, up to twice the producers' time."""
PATIENCE = 8.0
"""Times the planned window, after which a run fails that is still held back."""
PER_KILL = 4.0
"""Seconds between two kills, at least: a worker that is killed again while it starts shows nothing."""
DEVICES = 100
WEBHOOKS = {
    "webhook_duplicates": 0.1,
    "webhook_shuffle": True,
    "webhook_jitter": 2.0,
    "webhook_drop": 0.05,
    "webhook_read": True,
}
CALM_WEBHOOKS = {
    "webhook_duplicates": 0.0,
    "webhook_shuffle": False,
    "webhook_jitter": 0.0,
    "webhook_drop": 0.0,
}
FLIGHT = 0.25
"""Seconds from a function to the simulator or the proxy on a busy machine: what left in time is not late."""
LOOK_EVERY = 3.0
PROGRESS_EVERY = 10.0
QUIET_LOOKS = 2
"""Looks in a row that must find nothing that waits."""


@dataclass
class Options:
    """What a run is asked for. Times in seconds."""

    seed: int = 1
    messages: int = 10_000
    kills: int | None = None
    """``None``: one for 100 messages, at least five."""
    fault_rate: float = 0.15
    """Share of the functions' AWS calls that meet a fault."""
    quiet_limit: float = 900.0
    keep: bool = False
    out: Path = ROOT / "out" / "chaos"
    folder: Path = ROOT / ".local" / "chaos"
    name: str = "lifeline-chaos"

    @property
    def planned_kills(self) -> int:
        return max(5, self.messages // 100) if self.kills is None else self.kills

    @property
    def window(self) -> float:
        """Seconds of traffic and faults, if the producers are not held back."""
        return max(SHORTEST, self.messages / PACE, self.planned_kills * PER_KILL)


class Chaos:
    """One run."""

    def __init__(self, options: Options, stack: LocalStack, proxy: FaultProxy) -> None:
        self.options = options
        self.stack = stack
        self.proxy = proxy
        self.system = System(stack)
        aws = next(process for process in stack.processes if process.name == "aws")
        self.workers = Workers(aws.popen.pid, stack.name, options.seed)
        self.outside = Outside(self.system, options.seed, proxy.effects)
        self.accepted: dict[str, Accepted] = {}
        self.put_count = 0
        self.problem: BaseException | None = None
        self.began = time.monotonic()
        self.elapsed = 0.0
        """The producers' time, in seconds."""
        self.first: dict[str, float] = {}
        """When an id was put for the first time, epoch seconds."""
        self._said = self._counted = 0.0
        self._standing = 0

    # -- the run ---------------------------------------------------------------------------------------

    def run(self) -> dict[str, Any]:
        """Chaos, healing, account; the summary."""
        options = self.options
        self.prepare()
        plan = make(options.seed, options.messages, options.planned_kills, options.window, self.devices)
        self.began = time.monotonic()
        self.trouble(plan)
        healed = time.monotonic()
        self.say("healed; waiting for quiet")
        quiet, drained = self.settle(healed)
        found, evidence = self.account()
        summary = {
            "seed": options.seed,
            "messages": options.messages,
            "commit": commit(),
            **found.summary(),
            "balanced": found.balanced,
            "aws_calls": sum(self.proxy.requests.values()),
            "aws_faults": sum(self.proxy.faults.count.values()),
            "aws_faults_by_kind": dict(sorted(self.proxy.faults.count.items())),
            "kills": sum(self.workers.killed.values()),
            "kills_by_kind": dict(sorted(self.workers.killed.items())),
            "seconds_of_faults": round(healed - self.began, 1),
            "seconds_to_quiet": quiet,
            "seconds_to_drained": drained,
        }
        self.write(found, summary, evidence)
        return summary

    def prepare(self) -> None:
        """Warm workers, devices, rates; no faults yet."""
        system = self.system
        sns = system.sns
        application = sns.list_platform_applications()["PlatformApplications"][0]["PlatformApplicationArn"]
        self.devices = [
            sns.create_platform_endpoint(PlatformApplicationArn=application, Token=secrets.token_hex(32))[
                "EndpointArn"
            ]
            for _ in range(DEVICES)
        ]
        rate = {"action": "queue.set_rate", "queue": "whatsapp-queue", "rate": DRAIN_RATE}
        answer = system.invoke("Operator", rate | {"reason": "chaos", "actor": "chaos"})
        assert answer["ok"], answer
        system.control_settings(throughput=1000, pair_limit=False)
        self.outside.subscribe()
        system.produce(system.person("warm-up"))
        system.wait_for(["warm-up"], "DELIVERED")
        assert self.proxy.requests["dynamodb BatchExecuteStatement"], "the functions' calls pass the proxy"

    def trouble(self, plan: Plan) -> None:
        """Traffic and faults until the window ends."""
        self.system.control_settings(**WEBHOOKS)
        for fault in plan.people:
            self.system.fault(**fault)
        self.proxy.faults.rate = self.options.fault_rate
        self.proxy.before, self.proxy.after = self.workers.before, self.workers.after
        producer = threading.Thread(target=self.produce, args=(plan.puts,), daemon=True)
        producer.start()
        kills = list(plan.kills)
        episodes = (plan.episode(number) for number in itertools.count())
        coming = next(episodes)
        on: list[int] = []
        last = time.monotonic()
        while self.elapsed < plan.window or producer.is_alive() or not self.enough(plan):
            now = time.monotonic() - self.began
            if now > PATIENCE * plan.window:
                raise LocalError(f"after {now:.0f} s the system still does not take what producers put")
            if not self.backlog():
                self.elapsed += time.monotonic() - last
            last = time.monotonic()
            while kills and kills[0].at <= self.elapsed:
                kill = kills.pop(0)
                if sum(self.workers.killed.values()) < plan.wanted_kills:
                    self.workers.kill(kill)
            if now >= coming.at and not on:
                on = [self.fault(fault) for fault in coming.faults]
            if now >= coming.until:
                for number in on:
                    self.system._control("DELETE", f"/faults/{number}")
                on, coming = [], next(episodes)
            self.progress()
            time.sleep(0.1)
        producer.join()
        if self.problem:
            raise self.problem
        self.proxy.faults.rate = 0.0
        self.workers.disarm()
        self.system.faults_off()
        self.system.control_settings(**CALM_WEBHOOKS)

    def backlog(self) -> bool:
        """Whether the producers are held back."""
        if time.monotonic() - self._counted > 1.0:
            self._counted = time.monotonic()
            out = self.stack.outputs
            urls = {out["WhatsappQueueUrl"], self.queue_of(CRITICAL)}
            name = "ApproximateNumberOfMessages"
            answers = [
                self.system.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name]) for url in urls
            ]
            self._standing = sum(int(answer["Attributes"][name]) for answer in answers)
        return self._standing > HOLD_BACK

    def enough(self, plan: Plan) -> bool:
        """Whether as many faults and kills were met as were planned, or no more are to be expected."""
        return self.elapsed > 2 * plan.window or (
            sum(self.proxy.faults.count.values()) >= self.options.messages * FAULTS_PER_MESSAGE
            and sum(self.workers.killed.values()) >= plan.wanted_kills
        )

    def fault(self, fault: dict[str, Any]) -> int:
        return int(self.system._control("POST", "/faults", json=fault)["id"])

    def produce(self, puts: tuple[Put, ...]) -> None:
        """The producers: what is due goes on its queue, ten at a time."""
        try:
            left = list(puts)
            while left:
                now = self.elapsed
                due: dict[str, list[Put]] = defaultdict(list)
                while left and left[0].at <= now:
                    due[self.queue_of(left[0].lane)].append(left.pop(0))
                for url, group in due.items():
                    for start in range(0, len(group), 10):
                        self.put(url, group[start : start + 10])
                time.sleep(0.1)
        except BaseException as problem:
            self.problem = problem

    def queue_of(self, lane: str) -> str:
        out = self.stack.outputs
        if lane == CRITICAL and "CriticalQueueUrl" in out:
            return out["CriticalQueueUrl"]
        return out["BulkQueueUrl"] if lane == BULK else out["WhatsappQueueUrl"]

    def put(self, url: str, puts: list[Put]) -> None:
        now = time.time()
        first = [self.first.setdefault(put.id, now) for put in puts]
        entries = [
            {"Id": str(number), "MessageBody": put.body(at)}
            for number, (put, at) in enumerate(zip(puts, first, strict=True))
        ]
        answer = self.system.sqs.send_message_batch(QueueUrl=url, Entries=entries)
        for taken in answer.get("Successful", []):
            put, at = puts[int(taken["Id"])], first[int(taken["Id"])]
            expires_at = None if put.expires_in is None else at + put.expires_in
            self.accepted[put.id] = Accepted(put.id, expires_at, bool(put.broken))
            self.put_count += 1

    # -- looking -----------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:4.0f} s] {text}", flush=True)

    def progress(self, seen: Seen | None = None) -> None:
        """A line each ten seconds."""
        if time.monotonic() - self._said < PROGRESS_EVERY:
            return
        self._said = time.monotonic()
        seen = seen or self.outside.look()
        statuses = " ".join(f"{name} {count}" for name, count in sorted(seen.statuses.items()))
        self.say(
            f"put {self.put_count}, rows {sum(seen.statuses.values())} ({statuses}), "
            f"on queues {seen.queued}, webhooks {seen.webhooks}, "
            f"AWS calls {sum(self.proxy.requests.values())}, "
            f"faults {sum(self.proxy.faults.count.values())}, kills {sum(self.workers.killed.values())}, "
            f"whatsapp {self.system.flag()['state']}"
        )

    def settle(self, healed: float) -> tuple[float | None, float | None]:
        """Wait until nothing waits. Seconds from the healing to quiet, and until nothing was parked."""
        calm, quiet, drained = 0, None, None
        while time.monotonic() - healed < self.options.quiet_limit:
            self.hurry()
            at = round(time.monotonic() - healed, 1)
            seen = self.outside.look()
            self.progress(seen)
            drained = None if seen.parked else (drained if drained is not None else at)
            if not seen.quiet:
                calm = 0
            elif calm:
                calm += 1
            else:
                calm, quiet = 1, at
            if calm >= QUIET_LOOKS:
                self.say(f"quiet {quiet} s after the healing")
                return quiet, drained
            time.sleep(LOOK_EVERY)
        self.say(f"not quiet {self.options.quiet_limit:.0f} s after the healing")
        return None, drained

    def hurry(self) -> None:
        """The operator knows that Meta is back: no ramp, so that the drain's pace is not what is measured."""
        if self.system.flag()["state"] != "normal":
            action = {"action": "panic.disable", "scope": "whatsapp", "ramp": False}
            # It may be refused: panic has ended meanwhile.
            self.system.invoke("Operator", action | {"reason": "chaos", "actor": "chaos"})

    # -- the account -----------------------------------------------------------------------------------

    def account(self) -> tuple[Account, dict[str, Any]]:
        """Ask everybody outside, and compare."""
        raw = {item["id"]["S"]: item for item in self.outside.items()}
        rows = [row_of(item) for item in raw.values()]
        sends, pushes, mails = self.outside.sends(), self.outside.pushes(), self.outside.mails()
        acts: list[Send | Push | Mail] = sorted((*sends, *pushes, *mails), key=lambda act: act.at)
        dead: set[str] = set()
        waiting: set[str] = set()
        for name, bodies in self.outside.bodies().items():
            if name == self.outside.subscriber:
                continue
            found_ids = {found for body in bodies for found in self.outside.ids.findall(body)}
            (dead if name.endswith("dlq") else waiting).update(found_ids)
        events = self.outside.events()
        found = account(self.accepted.values(), rows, sends, pushes, mails, dead, waiting, FLIGHT, events)

        def of(name: str) -> dict[str, Any]:
            return {
                "accepted": asdict(self.accepted[name]) if name in self.accepted else None,
                "row": raw.get(name),
                "acts": [
                    {"way": type(act).__name__.lower(), **asdict(act)} for act in acts if act.id == name
                ],
                "events": [asdict(event) for event in events if event.id == name],
                "dead": name in dead,
                "waiting": name in waiting,
            }

        kinds = {**found.violations, **found.remarks}
        return found, {
            kind: {name: of(name) for name in sorted(set(names))[:SAMPLES]}
            for kind, names in kinds.items()
            if names
        }

    def write(self, found: Account, summary: dict[str, Any], evidence: dict[str, Any]) -> None:
        """The table, and the files."""
        out = self.options.out
        out.mkdir(parents=True, exist_ok=True)
        (out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
        (out / "details.json").write_text(json.dumps(evidence, indent=1) + "\n")
        print(table(summary), flush=True)
        for kind, names in found.violations.items():
            if names:
                print(f"{kind}: {', '.join(sorted(set(names))[:5])} ...")
        print(
            f"seed {summary['seed']}, commit {summary['commit']}; "
            f"again: make chaos SEED={summary['seed']} MESSAGES={summary['messages']}"
        )


def commit() -> str:
    """What is run; a plus where files differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


def table(summary: dict[str, Any]) -> str:
    """What a person reads."""
    names = (
        "accepted",
        "stuck",
        "lost",
        "late",
        "latest_by_seconds",
        "untold",
        "unexpected",
        "misreported",
        "unreported",
        "misnumbered",
        "events",
        "event_copies",
        "possible_duplicates",
        "duplicates",
        "outside_duplicates",
        "uncounted_duplicates",
        "unseen_duplicates",
        "aws_calls",
        "aws_faults",
        "kills",
        "seconds_to_quiet",
        "seconds_to_drained",
    )
    lines = [f"{name.replace('_', ' '):24}{summary[name]!s:>10}" for name in names]
    statuses = [f"  {name:22}{count:>10}" for name, count in summary["by_status"].items()]
    ways = [f"  {name:22}{count:>10}" for name, count in summary["outside_duplicates_by_way"].items()]
    lines[1:1] = statuses
    return "\n".join([*lines, *(["told too often, by"] if ways else []), *ways])


def run(options: Options) -> dict[str, Any]:
    """Start the system, run, end it; the summary. With ``keep`` the system stays until Ctrl-C."""
    if not (PROC / "self").exists():
        raise LocalError("chaos finds workers in /proc: it needs Linux")
    if (options.folder / "pid.json").exists():
        raise LocalError(
            "a run is under way, or one was left behind; this ends it: "
            f"python -m local.stack down --folder {options.folder}"
        )
    shutil.rmtree(options.out, ignore_errors=True)
    port = free_port()
    proxy = FaultProxy(port, Faults(options.seed)).start()
    stack = LocalStack(
        options.folder,
        name=options.name,
        settings=SETTINGS,
        parameters={"SenderConcurrency": "4"},
        aws_port=port,
        functions_endpoint=proxy.url,
    )
    try:
        stack.start()
        assert stack.mail_events is not None, "it starts with the stack"
        proxy.others["ses"] = urlsplit(stack.mail_events.url).port or 0
        summary = Chaos(options, stack, proxy).run()
        if options.keep:
            print(f"the system stays up until Ctrl-C: source {options.folder}/env", flush=True)
            threading.Event().wait()
        return summary
    finally:
        stack.stop()
        proxy.stop()


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    defaults = Options()
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--messages", type=int, default=defaults.messages)
    parser.add_argument("--kills", type=int, default=None, help="default: one for 100 messages")
    parser.add_argument("--fault-rate", type=float, default=defaults.fault_rate, help="share of AWS calls")
    parser.add_argument("--quiet-limit", type=float, default=defaults.quiet_limit, help="seconds")
    parser.add_argument("--keep", action="store_true", help="leave the system up until Ctrl-C")
    options = Options(**vars(parser.parse_args()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    return 0 if run(options)["balanced"] else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LocalError as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        sys.exit(130)
