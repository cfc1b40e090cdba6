"""Disputes in many generations at once: none waits for another, none is stolen, and nobody is late."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tallystick.party.duties import Mode
from tallystick.rollup.views.assertion_view import Status
from tallystick.testing.l1_stage import FUND_WEI, Stage, Told, trade_a_little
from tallystick.testing.rogues.lies import make_lie
from tallystick.testing.rogues.nest import theft
from tallystick.testing.world import address
from tests.adversaries.nest import Watched, nest_on, owed
from tests.adversaries.rules import must_hold, wealth_wei

PERIOD = 100
DELTA = 1
INCLUSION = (DELTA + 1) * (20 + 2)
BOUND = PERIOD + INCLUSION + 2 * (DELTA + 1)
"""Of a true assertion, from its posting to its confirmation, where nobody censors."""
QUIET = 20
"""Blocks before the end in which everybody acts in each of them."""
GENERATIONS = 3
LOOT_UNITS = 2 * 10**12
"""All that both traders have in the Vault."""


def stage_of(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path, challenge_period_blocks=PERIOD)
    trade_a_little(stage)
    stage.publish()
    return stage


def test_P01_a_lie_below_contested_generations_is_never_confirmed_however_late_it_moves(tmp_path: Path) -> None:
    """The attacker contests every generation with an idle root, and the last with the emptying of the Vault. It waits
    there until the honest root is ripe, opens its own behind it, halves it, and tries in every block, behind every honest
    transaction, to decide, settle and confirm. The party goes on moving, decides at once whatever the parents are, and
    has all its bonds at the end; the thief has lost each of its own.
    """
    stage = stage_of(tmp_path)
    try:
        told = Told()
        honest = Watched(stage=stage, party=stage.party("challenger", Mode.PROPOSE, told))
        nest = nest_on(stage)
        lies = []
        for number in range(GENERATIONS):
            if number:
                stage.begin()
                stage.publish()
            honest.settle_down()
            parent = honest.party.rollup.assertions[honest.true_tip()].parent
            last = number == GENERATIONS - 1
            step = (
                theft(number, address("eve"), LOOT_UNITS) if last else make_lie("random-root", bytes(20), number).step
            )
            lies.append(nest.lie_below(parent, step))
            if not last:
                nest.open_root(lies[-1])
            honest.settle_down()
        final = honest.true_tip()
        struck: list[int] = []

        def attack() -> None:
            if not struck and nest.blocks_of(final) >= PERIOD - 3:
                nest.halve(lies[-1], nest.open_root(lies[-1]))
                struck.append(stage.client.head().number)
            nest.grab(lies)

        for _ in range(3 * PERIOD):
            attack()
            if not honest.act(attack) and nest.blocks_of(final) < PERIOD - QUIET:
                stage.mine(QUIET - 5)
            if all(each.settled for each in honest.party.challenge.disputes.values()) and not honest.party.busy:
                break
            stage.mine(1)
        honest.settle_down()

        assert struck
        assert honest.party.rollup.latest_confirmed == final
        assert {each.status for each in honest.party.wrong} == {Status.REJECTED}
        assert not told.named("lie_confirmed")
        assert honest.slowest() <= BOUND
        assert owed(stage, "eve") == 0
        assert wealth_wei(stage, honest.party) >= FUND_WEI
        must_hold(stage, honest.party)
    finally:
        stage.close()


def test_P01_a_lie_halved_before_the_decision_lands_is_answered_and_loses(tmp_path: Path) -> None:
    """The honest root is ripe and its decision is not on L1 yet: the attacker opens and halves its root in between. The
    party moves on in the very next block, for nothing is enough before a dispute is settled.
    """
    stage = stage_of(tmp_path)
    try:
        told = Told()
        honest = Watched(stage=stage, party=stage.party("challenger", Mode.PROPOSE, told))
        nest = nest_on(stage)
        honest.settle_down()
        lie = nest.lie_below(honest.party.rollup.genesis_id, theft(0, address("eve"), LOOT_UNITS))
        honest.settle_down()
        stage.mine(PERIOD)
        nest.halve(lie, nest.open_root(lie))
        honest.act(lambda: nest.grab([lie]))
        moves = [facts["move"] for facts in told.named("moved")]
        assert moves[0] == "openroot" and {"decide", "bisect"} <= set(moves)
        for _ in range(PERIOD // 10 + 2):
            stage.mine(10)
            honest.act(lambda: nest.grab([lie]))
        assert honest.party.rollup.latest_confirmed == honest.true_tip()
        must_hold(stage, honest.party, before_wei=FUND_WEI)
    finally:
        stage.close()


def test_P12_operator_and_challenger_do_not_race_and_nothing_they_send_reverts(tmp_path: Path) -> None:
    """Nobody lies. Both look at L1 in the same block, with transactions that land together: the operator asserts and
    confirms, the challenger leaves it the time, and confirms what is still there when its patience is over.
    """
    stage = stage_of(tmp_path)
    patience = 30
    try:
        operator = stage.party("operator", Mode.PROPOSE, Told())
        challenger = stage.party("challenger", Mode.PROPOSE, Told())
        challenger.identity = replace(challenger.identity, patience_blocks=patience)
        first = stage.client.head().number

        def together(blocks: int) -> None:
            stage.chain.request("evm_setAutomine", False)
            for _ in range(blocks):
                for each in (operator, challenger):
                    each.tick()
                stage.mine(1)
            stage.chain.request("evm_setAutomine", True)

        for number in range(3):
            if number:
                stage.begin()
                stage.publish()
            together(3)
        stage.mine(PERIOD - 6)
        together(8)
        assert {each.status for each in operator.rollup.assertions.values()} == {Status.CONFIRMED}
        assert sent(stage, first, "challenger") == []
        assert {status for _, status in sent(stage, first, "operator")} == {1}

        stage.begin()
        stage.publish()
        together(3)
        stage.mine(PERIOD + patience)
        for _ in range(3):
            challenger.tick()
        assert {each.status for each in challenger.rollup.assertions.values()} == {Status.CONFIRMED}
        assert {status for _, status in sent(stage, first, "challenger")} == {1}
    finally:
        stage.close()


def sent(stage: Stage, first: int, name: str) -> list[tuple[str, int]]:
    """Return the calls that a name has sent to Rollup and Challenge since a block, with how they went."""
    places = {stage.place(each) for each in ("Rollup", "Challenge")}
    found: list[tuple[str, int]] = []
    for number in range(first + 1, stage.client.head().number + 1):
        for each in stage.chain.request("eth_getBlockByNumber", hex(number), True)["transactions"]:
            if bytes.fromhex(each["from"][2:]) == address(name) and bytes.fromhex(each["to"][2:]) in places:
                receipt = stage.chain.request("eth_getTransactionReceipt", each["hash"])
                found.append((each["input"][:10], int(receipt["status"], 16)))
    return found


def test_P02_idle_rivals_in_every_generation_delay_none_of_the_later_ones(tmp_path: Path) -> None:
    """A rival with an idle root in each of four generations. The last is confirmed as soon after its posting as the first:
    decisions do not wait for each other, and confirmations are sent behind them.
    """
    stage = stage_of(tmp_path)
    try:
        honest = Watched(stage=stage, party=stage.party("challenger", Mode.PROPOSE, Told()))
        nest = nest_on(stage)
        for number in range(4):
            if number:
                stage.begin()
                stage.publish()
            honest.settle_down()
            parent = honest.party.rollup.assertions[honest.true_tip()].parent
            nest.open_root(nest.lie_below(parent, make_lie("random-root", bytes(20), number).step))
            honest.settle_down()
        for _ in range(BOUND // 4):
            stage.mine(4)
            honest.act()
        assert honest.confirmed.keys() == honest.posted.keys()
        assert honest.slowest() <= BOUND
        must_hold(stage, honest.party, before_wei=FUND_WEI)
    finally:
        stage.close()
