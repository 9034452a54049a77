"""Who wants no promotional messages, and by which words and names that is known."""

from __future__ import annotations

import itertools

import pytest
from lifeline.domain.inbound.opting_out import Statement, Wish, keys_of, opted_out, wish_of, word_of


def test_the_newest_statement_counts_in_whatever_order_they_come() -> None:
    said = [Statement(Wish.STOP, 1), Statement(Wish.RESUME, 2), Statement(Wish.STOP, 3)]
    for order in itertools.permutations(said):
        assert opted_out(order)
    for order in itertools.permutations(said[:2]):
        assert not opted_out(order)
    assert not opted_out([])


def test_of_two_of_one_second_stop_counts() -> None:
    for order in itertools.permutations([Statement(Wish.STOP, 1), Statement(Wish.RESUME, 1)]):
        assert opted_out(order)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5215512345678", "+525512345678"),
        ("+5491123456789", "+541123456789"),
        ("+5511987654321", "+551187654321"),
    ],
)
def test_one_number_that_meta_writes_in_two_ways_has_one_key(one: str, other: str) -> None:
    assert keys_of(one) == keys_of(other)


def test_keys_name_nobody_and_are_longer_than_any_user_id() -> None:
    number, user = keys_of("+16505551234", "US.1349")
    assert number != user
    assert all("650" not in key[:14] and len(key) > 128 for key in (number, user))
    assert keys_of(None, "") == ()
    assert keys_of("US.1349", "US.1349") == (user,), "who is written to by user id has one name"
    assert keys_of("+4915112345678") != keys_of("+4915112345679")


@pytest.mark.parametrize("text", ["STOP", " stop. ", "Stop!", '"stop"'])
def test_a_word_alone_stops(text: str) -> None:
    assert wish_of(text, ("stop",), ("start",)) is Wish.STOP


@pytest.mark.parametrize("text", [None, "", "please stop calling", "stop it", "."])
def test_a_word_in_a_sentence_does_not(text: str | None) -> None:
    assert wish_of(text, ("stop",), ("start",)) is None


def test_start_words() -> None:
    assert wish_of("Start", ("stop",), ("start",)) is Wish.RESUME
    assert wish_of("stop", (), ()) is None
    assert word_of("  Bitte\n aufhören ! ") == "bitte aufhören"
