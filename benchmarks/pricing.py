"""Counted requests, units, runs and bytes as US dollars, and the tables of them. Nothing is measured here.

``figures`` are what :mod:`benchmarks.cost` wrote: counts of one message, and of one idle minute.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

PRICES_FILE: Final = Path(__file__).with_name("prices.json")
MONTH_MINUTES: Final = 43_800
MONTH_DAYS: Final = 30.4
POLLS_PER_MINUTE: Final = 15
"""Of an idle queue: Lambda keeps five long polls of 20 s on it (Lambda developer guide, "SQS")."""
BATCHED: Final = 10
"""Messages that one receive or delete of SQS takes at most."""
LOGS_KEPT: Final = 0.15
"""Of what is ingested, what is stored: CloudWatch compresses it (its pricing page)."""
MILLION: Final = 1_000_000
VOLUMES: Final = (10_000, 100_000, MILLION, 10 * MILLION)
"""Messages a month."""
SERVICES: Final = (
    "Lambda requests",
    "Lambda time",
    "SQS",
    "DynamoDB writes",
    "DynamoDB reads",
    "DynamoDB storage",
    "CloudWatch Logs",
    "SNS",
    "SES",
    "API Gateway",
    "Secrets Manager",
)
BEGIN: Final = "<!-- cost: begin; python -m benchmarks.cost writes what is between -->"
END: Final = "<!-- cost: end -->"

WORDS: Final = """
US dollars of a million messages, each with three status webhooks, one in a POST (sent, delivered, read).
Requests, item sizes, log bytes and durations are counted by `python -m benchmarks.cost` on the deployed
template on the local AWS: {normal:,} messages at {rate:.0f}/s, Meta's answers taking {latency_ms} ms. Prices
are list prices of {region} as known on {date}, without free tiers; `benchmarks/prices.json` says which could
be confirmed. Lambda time is what the runs took here, on {cores} cores at a load of {load} and with a local
DynamoDB: an upper bound, and far above AWS's the busier the machine is.
The local event sources wait for no batching window, so events are smaller than on AWS, those of status
updates above all: runs, SQS and Lambda time are upper bounds for that reason as well.

{services}

*Outage*: {outage:,} messages while WhatsApp cannot be reached, {fates}; detection, recovery and drain are
included. Without the mails, which SES charges for, it is {without_mail:.2f}. *The usual handler*: Powertools'
batch and idempotency utilities, one message after the other in events of ten, and a webhook that writes each
status, measured on a stub that answers at once. It has no fallback: its column is for normal operation.

Before the first message, a month costs {fixed:.2f}: {parts}. By volume:

{months}
"""

Counts = Mapping[str, Any]


def prices() -> dict[str, Any]:
    """The list prices."""
    found: dict[str, Any] = json.loads(PRICES_FILE.read_text())
    return found


def _started(counts: Counts, prefix: str) -> float:
    return float(sum(value for name, value in counts["requests"].items() if name.startswith(prefix)))


def _units(counts: Counts, *kinds: str) -> float:
    return float(sum(value for name, value in counts["units"].items() if name.split(" ")[0] in kinds))


def by_service(
    counts: Counts, setup: Counts, messages: float, storage_bytes: float = 0.0
) -> dict[str, float]:
    """US dollars of so many ``counts``.

    ``counts``: of one message, or of one minute. ``setup``: memory and event sources of the functions, days
    for which rows are kept. ``messages``: what producers put on a queue meanwhile, with a request each.
    """
    price = prices()
    request = price["per_request"]
    runs: Mapping[str, float] = counts["runs"]
    seconds = sum(
        counts["milliseconds"][name] / 1000 * setup["memory_mb"].get(name, 512) / 1024 for name in runs
    )
    polled = sum(value for name, value in runs.items() if name in setup["queue_functions"])
    queued = messages + counts["requests"].get("sqs SendMessage", 0.0)
    # A run is one receive and one delete, or more of both for events of over ten.
    transfers = 2 * max(polled, queued / BATCHED)
    log_gb = sum(counts["log_bytes"].values()) / 1e9
    stored_gb = storage_bytes / 1e9 * setup["kept_days"] / MONTH_DAYS
    per_gb = price["per_gb"]
    return {
        "Lambda requests": sum(runs.values()) * request["lambda"],
        "Lambda time": seconds * price["per_gb_s"]["lambda_arm64"],
        "SQS": (messages + transfers + _started(counts, "sqs ")) * request["sqs"],
        "DynamoDB writes": _units(counts, "write", "index") * request["dynamodb_write_unit"],
        "DynamoDB reads": _units(counts, "read") * request["dynamodb_read_unit"],
        "DynamoDB storage": stored_gb * per_gb["dynamodb_stored_month"],
        "CloudWatch Logs": log_gb * (per_gb["logs_ingested"] + LOGS_KEPT * per_gb["logs_stored_month"]),
        "SNS": _started(counts, "sns ") * request["sns_publish"],
        "SES": _started(counts, "ses ") * request["ses_mail"],
        "API Gateway": runs.get(setup["http_function"], 0.0) * request["http_api"],
        "Secrets Manager": _started(counts, "secretsmanager ") * request["secrets_call"],
    }


def per_million(figures: Counts, case: str) -> dict[str, float]:
    """US dollars of a million messages by service; ``case``: ``normal``, ``outage`` or ``usual``."""
    found = figures[case]
    setup = figures["usual_setup" if case == "usual" else "setup"]
    one = by_service(found["per_message"], setup, 1.0, found["stored_bytes"])
    return {name: MILLION * value for name, value in one.items()}


def monthly_fixed(figures: Counts) -> dict[str, float]:
    """US dollars of a month in which nothing is sent: what runs each minute, and what is there."""
    price, there = prices(), figures["there"]
    month = price["per_month"]
    minute = by_service(figures["idle_minute"], figures["setup"], 0.0)
    polls = there["event_sources"] * POLLS_PER_MINUTE * MONTH_MINUTES
    return {
        "runs of each minute": MONTH_MINUTES * sum(minute.values()),
        "schedules": there["schedules_per_minute"] * MONTH_MINUTES * price["per_request"]["scheduler"],
        "empty polls of queues": polls * price["per_request"]["sqs"],
        **{
            f"{there[name]} {name}": there[name] * month[name.removesuffix("s")]
            for name in ("metrics", "alarms", "dashboards", "secrets", "keys")
        },
    }


def usual_fixed(figures: Counts) -> float:
    """US dollars of a month of the usual handler that sends nothing: one queue's polls and one secret."""
    price = prices()
    polls = POLLS_PER_MINUTE * MONTH_MINUTES * price["per_request"]["sqs"]
    return float(polls + price["per_month"]["secret"])


def monthly_table(figures: Counts, volumes: Sequence[int] = VOLUMES) -> str:
    """Markdown: US dollars a month by volume, in normal operation."""
    own, usual = (sum(per_million(figures, case).values()) for case in ("normal", "usual"))
    fixed = sum(monthly_fixed(figures).values())
    lines = [
        "| messages a month | Lifeline, USD | of it fixed | the usual handler, USD |",
        "|---:|---:|---:|---:|",
    ]
    for volume in volumes:
        ours = fixed + volume / MILLION * own
        theirs = usual_fixed(figures) + volume / MILLION * usual
        lines.append(f"| {volume:,} | {ours:,.2f} | {fixed:,.2f} | {theirs:,.2f} |")
    return "\n".join(lines)


def service_table(figures: Counts) -> str:
    """Markdown: US dollars of a million messages by service."""
    cases = {case: per_million(figures, case) for case in ("normal", "outage", "usual")}
    lines = [
        "| service | normal | outage | the usual handler |",
        "|---|---:|---:|---:|",
    ]
    for name in SERVICES:
        shown = [f"{found[name]:.2f}" for found in cases.values()]
        if any(value != "0.00" for value in shown):
            lines.append(f"| {name} | {' | '.join(shown)} |")
    totals = " | ".join(f"**{sum(found.values()):.2f}**" for found in cases.values())
    return "\n".join([*lines, f"| **all** | {totals} |"])


def block(figures: Counts) -> str:
    """The text of ``docs/operations.md`` between :data:`BEGIN` and :data:`END`."""
    price = prices()
    fixed = monthly_fixed(figures)
    mix = figures["outage"]["mix"]
    without_mail = sum(per_million(figures, "outage").values()) - per_million(figures, "outage")["SES"]
    shares = {
        "told by push": "PUSHED",
        "by mail": "EMAILED",
        "parked and sent by the drain afterwards": "PARKED",
    }
    told = WORDS.format(
        normal=figures["normal"]["messages"],
        outage=figures["outage"]["messages"],
        fates=", ".join(f"{mix[name]:.0%} {words}" for words, name in shares.items()),
        without_mail=without_mail,
        fixed=sum(fixed.values()),
        parts=", ".join(f"{name} {value:.2f}" for name, value in fixed.items()),
        services=service_table(figures),
        months=monthly_table(figures),
        rate=figures["rate"],
        cores=figures["cores"],
        load=figures["load"][0],
        latency_ms=figures["latency_ms"],
        **{name: price[name] for name in ("region", "date")},
    )
    return "\n\n".join(
        one if one.startswith("|") else textwrap.fill(" ".join(one.split()), 110, break_on_hyphens=False)
        for one in told.strip().split("\n\n")
    )


def short_block(figures: Counts) -> str:
    """The text of ``README.md`` between :data:`BEGIN` and :data:`END`."""
    price = prices()
    words = (
        f"What AWS charges, by counted requests of the deployed template at list prices of {price['region']}"
        f" of {price['date']}, without free tiers. The usual handler is Powertools' batch and idempotency "
        "utilities, without fallbacks, panic or alarms."
    )
    return f"{textwrap.fill(words, 110, break_on_hyphens=False)}\n\n{monthly_table(figures)}"


def with_block(text: str, figures: Counts, body: Callable[[Counts], str] = block) -> str:
    """The document with the block that ``body`` makes. Raises ``ValueError`` without the marks."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("the marks of the cost block are missing")
    return f"{head}{BEGIN}\n\n{body(figures)}\n\n{END}{tail}"
