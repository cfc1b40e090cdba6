"""A backlog asserted against somebody who posts the same truths first, so that the bond does not move on."""

from __future__ import annotations

from itertools import product

import pytest

from tallystick.errors import BadInput
from tallystick.party.strategy.strategy import POSTS_AT_ONCE, SPARED_POSTS, Due
from tallystick.state.ordinals import BlockNumber
from tallystick.testing.protocol.protocol_rules import Ground, RulesTerms
from tallystick.testing.protocol.rollup_rules import Posted, RollupRules
from tests.dispute.test_strategy import EVE, ME, OTHER, Chain

EASY = RulesTerms(
    height=3,
    period=100,
    interval=0,
    assertion_bond=10,
    root_bond=1,
    open_reward=0,
    bisect_reward=0,
    prove_reward=0,
)


def backlog(*posters: bytes) -> Chain:
    """Return what a party sees of a backlog whose first generations these have posted; its own bond moves along."""
    chain = Chain(batches=1, head=BlockNumber(10), backlog_from=1)
    own = b""
    for poster in posters:
        made = chain.post("truth", by=poster, source=own if poster == ME else b"")
        own = made if poster == ME else own
    chain.head = BlockNumber(20)
    return chain


def landed(chain: Chain, dues: list[Due], first: tuple[int, ...]) -> int:
    """Have a block take these calls by the assertions' own rules; before those with a 1 somebody else posts the same.

    Returns how many generations there are more.
    """
    rules = RollupRules(Ground(terms=EASY, step=lambda state, _: state, halted=lambda _state, _limit: False), b"")
    rules.ground.batch_count = 1
    known: dict[bytes, Posted] = {chain.rollup.genesis_id: rules.genesis}
    for each in list(chain.rollup.assertions.values())[1:]:
        known[each.id] = rules.post(str(each.bonded), known[each.parent], each.id, None)
    before = len(known)
    for due, overtakes in zip(dues, first, strict=True):
        parent, name, source = due.call.arguments[0], due.facts["assertion"], due.call.arguments[-1]
        if parent not in known:
            continue
        if overtakes and name not in known:
            known[name] = rules.post(str(EVE), known[parent], name, None)
        try:
            known[name] = rules.post(str(ME), known[parent], name, known.get(source))
        except BadInput:
            continue
    return len(known) - before


def test_a_block_takes_all_that_is_sent_where_nobody_is_faster() -> None:
    chain = backlog(ME)
    posts = chain.due("assert")
    assert len(posts) == POSTS_AT_ONCE and landed(chain, posts, (0,) * len(posts)) == POSTS_AT_ONCE


def test_who_posts_the_first_truth_of_a_backlog_holds_up_the_others_once_and_not_again() -> None:
    chain = backlog(ME)
    posts = chain.due("assert")
    assert landed(chain, posts, (1,) + (0,) * (len(posts) - 1)) == 1
    chain.post("truth", by=EVE)
    posts = chain.due("assert")
    assert landed(chain, posts, (1,) + (0,) * (len(posts) - 1)) == POSTS_AT_ONCE
    assert landed(chain, posts, (0,) * len(posts)) == POSTS_AT_ONCE


@pytest.mark.parametrize(
    ("posters", "most"), [((ME, EVE), 10), ((ME, EVE, EVE), 2), ((ME, EVE, ME), 2), ((ME, OTHER, ME, ME), 2)]
)
def test_P05_whatever_somebody_posts_first_as_many_generations_as_are_spared_are_there(
    posters: tuple[bytes, ...], most: int
) -> None:
    """Every choice of so many calls to overtake, while the overtaken truth is pending, wherever the own bond lies by then."""
    chain = backlog(*posters)
    posts = chain.due("assert")
    spared = SPARED_POSTS * (SPARED_POSTS + 1) // 2
    assert len(posts) == spared + POSTS_AT_ONCE - SPARED_POSTS
    assert len({each.call.key for each in posts}) == len(posts)
    assert all(each.call.value_wei == 0 for each in posts)
    rest = (0,) * (len(posts) - spared)
    choices = (each for each in product((0, 1), repeat=spared) if sum(each) <= most)
    assert min(landed(chain, posts, (*first, *rest)) for first in choices) >= SPARED_POSTS


def test_who_has_no_bond_there_yet_pays_one_and_no_more() -> None:
    chain = backlog(EVE)
    posts = chain.due("assert")
    assert [each.call.value_wei > 0 for each in posts] == [True] + [False] * (len(posts) - 1)
    assert landed(chain, posts, (0,) * len(posts)) == POSTS_AT_ONCE


def test_another_who_asserts_what_halted_is_nobody_to_guard_against() -> None:
    """Nothing follows in the block of what leaves nothing over."""
    chain = Chain(batches=3, head=BlockNumber(10))
    chain.post("truth")
    chain.post("truth", by=OTHER)
    chain.backlog_from, chain.head = 3, BlockNumber(20)
    assert len(chain.due("assert")) == POSTS_AT_ONCE
