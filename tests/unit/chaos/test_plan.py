"""The plan of a chaos run: its seed gives all of it, and nothing that matters is missing from it."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from datetime import datetime

from tests.chaos import plan
from tests.chaos.plan import Plan, make

DEVICES = ("arn:aws:sns:eu-west-1:000000000000:app/GCM/x/1", "arn:aws:sns:eu-west-1:000000000000:app/GCM/x/2")
START = 1_772_355_600.0


def of(seed: int, messages: int = 2000, window: float = 100.0) -> Plan:
    return make(seed, messages, 40, window, DEVICES)


def test_one_seed_is_one_plan() -> None:
    assert of(1) == of(1)
    assert of(1).puts != of(2).puts
    assert of(1).kills != of(2).kills


def test_the_mix() -> None:
    made = of(3)
    ids = Counter(put.id for put in made.puts)
    assert len(ids) == 2000
    assert 20 <= sum(count > 1 for count in ids.values()) <= 80
    lanes = Counter(put.lane for put in made.puts)
    assert 300 <= lanes["critical"] <= 500
    assert 1100 <= lanes["normal"] <= 1350
    assert 300 <= lanes["bulk"] <= 500
    assert 50 <= sum(put.expires_in is not None for put in made.puts) <= 160
    assert 25 <= sum(put.send_in is not None for put in made.puts) <= 110
    assert 8 <= sum(bool(put.broken) for put in made.puts) <= 40
    assert [put.at for put in made.puts] == sorted(put.at for put in made.puts)
    assert all(0 <= put.at <= made.window for put in made.puts)


def test_bodies_name_their_id_in_every_text_that_a_person_sees() -> None:
    for put in of(4).puts:
        body = put.body(START)
        assert put.id in body
        if not put.broken:
            assert put.id in json.loads(body)["text"]


def test_a_copy_is_the_same_message_and_a_conflict_another_one() -> None:
    puts = of(8, messages=5000).puts
    first = {put.id: put for put in reversed(puts) if not put.conflicting}
    for put in puts:
        same = put.body(START) == first[put.id].body(START)
        assert same is not put.conflicting, put.id
    assert any(put.conflicting for put in puts)


def test_instants_count_from_when_it_is_put() -> None:
    (put, *_) = [put for put in of(9).puts if put.expires_in is not None]
    expires_at = datetime.fromisoformat(json.loads(put.body(START))["expires_at"]).timestamp()
    assert put.expires_in is not None
    assert abs(expires_at - START - put.expires_in) < 0.002


def test_each_way_of_breaking_the_contract_is_there() -> None:
    bodies = [put.broken for put in of(5, messages=5000).puts if put.broken]
    for mark in ("this is no JSON", '"fax"', "\\ud83d", "[" * 40):
        assert any(mark in body for body in bodies), mark
    assert any(body.startswith('{"id"') and '"to"' not in body for body in bodies)


def test_faults_at_meta_do_not_overlap_and_go_on_for_ever() -> None:
    for window in (20.0, 40.0, 170.0):
        made = of(6, window=window)
        episodes = [made.episode(number) for number in range(30)]
        assert all(episode.at < episode.until for episode in episodes)
        assert all(first.until <= second.at for first, second in itertools.pairwise(episodes))
        assert [episode.faults for episode in episodes[:10]] == [
            episode.faults for episode in episodes[10:20]
        ]
        assert len({str(episode.faults) for episode in episodes}) == len(plan.EPISODES)


def test_kills_lie_within_the_window() -> None:
    made = of(7)
    assert made.wanted_kills == 40
    assert len(made.kills) == 54
    assert all(0 < kill.at < made.window for kill in made.kills)
    assert {kill.moment for kill in made.kills} == {"idle", "before", "after"}
