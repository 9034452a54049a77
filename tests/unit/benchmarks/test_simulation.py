"""The simulated way back, on a smaller scale: rate held, limit kept, nothing lost, nothing expired unseen."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from lifeline.settings import Limiter

from benchmarks.simulation import Figures, Scenario, plot, run, summary

LIMITER = Limiter(rate=7.8, burst=1, bulk_share=0.7)
SMALL = Scenario(outage=7200, arriving=0.8, drain=5.0, live=2.0, meta=8, limiter=LIMITER)


@pytest.fixture(scope="module")
def figures() -> Figures:
    return run(SMALL)


def test_all_that_was_parked_is_sent_once_or_expired_and_counted(figures: Figures) -> None:
    found = summary(figures)
    assert found["drained"] + found["expired"] == SMALL.parked
    assert found["expired"] == found["expired_counted"] > 0
    assert found["sent_after_deadline"] == found["sent_twice"] == 0


def test_the_rate_is_held_and_no_limit_is_tripped(figures: Figures) -> None:
    found = summary(figures)
    assert len(figures.steady) > 3
    assert found["farthest_from_the_rate"] <= 0.05
    assert found["busiest_second"] <= SMALL.meta


def test_the_ramp_doubles(figures: Figures) -> None:
    assert [figures.drained[minute] for minute in range(3)] == pytest.approx([60, 120, 240], abs=15)


def test_the_plot_is_an_image(figures: Figures) -> None:
    assert ET.fromstring(plot(figures)).tag.endswith("svg")
