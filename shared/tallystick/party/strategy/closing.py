"""The end of the honest strategy: what is confirmed, rejected, repaid and taken home once it is decided."""

from __future__ import annotations

from typing import Final

from tallystick.party.strategy.known import Contest, Due, Generation, Known, own_bonds
from tallystick.party.strategy.moves import Call, call_for
from tallystick.party.strategy.player import Decide, repayments
from tallystick.rollup.views.assertion_view import Assertion, Status

MAX_CONFIRMED: Final = 64
"""Assertions that one transaction confirms."""
CONFIRM_GAS: Final = 100_000
"""Of a confirmation, and of each assertion in it: it is sent behind a decision that has not landed yet, and cannot be
estimated."""


def confirmed(known: Known, chain: list[Generation], contests: list[Contest]) -> list[Due]:
    """Return the confirmation of every won assertion whose ancestors are won, decisions that are sent now included.

    Patience counts where nobody contradicts: the first proposer confirms then, and nobody pays for the same twice.
    """
    ripe = {each.mine.id for each in contests if any(isinstance(move, Decide) for move in each.moves)}
    ids: list[bytes] = []
    needed = behind = False
    for each in chain[:MAX_CONFIRMED]:
        if each.mine is None or not (each.mine.id in ripe or is_won(known, each.mine)):
            break
        ids.append(each.mine.id)
        behind = behind or each.mine.id in ripe
        needed = needed or len(known.rollup.children[each.parent.id]) > 1
    if not ids:
        return []
    first = known.rollup.assertions[ids[0]]
    since = first.block + known.terms.challenge_period_blocks
    if not needed and known.head < since + known.identity.patience_blocks:
        return []
    call = Call(
        key=f"confirm/{ids[-1].hex()}",
        function="confirm",
        arguments=(ids,),
        gas=CONFIRM_GAS * (1 + len(ids)) if behind else None,
    )
    return [
        Due(
            name="confirm",
            event="confirmed",
            parents=tuple(known.rollup.assertions[each].parent for each in ids),
            contract="Rollup",
            call=call,
            facts={"assertion": ids[-1], "assertions": len(ids)},
        )
    ]


def is_won(known: Known, mine: Assertion) -> bool:
    """Whether L1 would confirm an assertion once its parent is: it was decided for it, or it was alone for the period."""
    dispute = known.challenge.dispute_below(mine.parent)
    if dispute is not None and dispute.winner:
        return dispute.winner == mine.id
    return known.rollup.unrivalled_blocks(mine, known.head) >= known.terms.challenge_period_blocks


def rejected(known: Known) -> list[Due]:
    """Return the rejection of every lie beside a confirmed assertion; nothing that stands on it can ever be confirmed."""
    rollup = known.rollup
    fallen = [
        each
        for each in map(rollup.assertions.__getitem__, known.lies)
        if each.status is Status.PENDING and any(rival.status is Status.CONFIRMED for rival in rollup.rivals(each))
    ]
    return [_of_one(each, "reject", event="rejected", function="reject") for each in fallen]


def settled(known: Known) -> list[Due]:
    """Return the next repayment of the movers of every dispute that was settled for the truth."""
    terms, challenge = known.terms, known.challenge
    if min(terms.bisect_reward_wei, terms.prove_reward_wei) == 0:
        return []
    return [
        Due(
            name="settle",
            event="settled",
            parents=(dispute.parent,),
            contract="Challenge",
            call=call_for(move, 0),
            facts={"assertion": dispute.winner},
        )
        for dispute in challenge.disputes.values()
        if known.is_true(dispute.winner)
        for move in repayments(challenge, dispute)[:1]
    ]


def taken_home(known: Known, due: list[Due]) -> list[Due]:
    """Return the taking back of own bonds that may move: all of them, or all but one of a party that proposes."""
    posting = any(each.name == "assert" for each in due)
    free = [each for each in own_bonds(known) if known.rollup.is_movable(each)]
    if posting:
        return []
    if known.identity.duties.propose and len(free) == len(own_bonds(known)):
        free = free[:-1]
    return [_of_one(each, "take", event="bond_taken", function="takeBond") for each in free]


def withdrawn(known: Known) -> list[Due]:
    """Return the withdrawal of everything that the contracts owe this party."""
    found: list[Due] = []
    for contract, view in known.credits.items():
        owed = view.owed.get(known.me, 0)
        if owed:
            call = Call(key=f"credit/{contract}/{view.newest[known.me]}", function="withdrawCredit", arguments=())
            facts = {"contract": contract, "amount_wei": owed}
            found.append(
                Due(name="withdraw", event="credit_withdrawn", parents=(), contract=contract, call=call, facts=facts)
            )
    return found


def _of_one(assertion: Assertion, name: str, *, event: str, function: str) -> Due:
    """Return a call of the Rollup that takes one assertion and nothing else."""
    return Due(
        name=name,
        event=event,
        parents=(assertion.parent,),
        contract="Rollup",
        call=Call(key=f"{name}/{assertion.id.hex()}", function=function, arguments=(assertion.id,)),
        facts={"assertion": assertion.id},
    )
