"""Pools under attack, and pools nobody needs: who leaves in front of a call stops nobody, and no stake stays behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.l1.sending.keys import KeyFile, save_key
from tallystick.party.bonds.bond_pools import purpose_of
from tallystick.party.bonds.membership import UNWANTED_BLOCKS
from tallystick.party.duties import Mode
from tallystick.party.party import CONFIRMATIONS, Party
from tallystick.ports.system import SystemClock
from tallystick.testing.l1_stage import Stage, Told, account, trade_a_little
from tallystick.testing.rogues.lies import LIES
from tallystick.testing.world import address
from tallystick_challenger.config import ChallengerConfig
from tallystick_challenger.daemon import make_party

ETHER = 10**18
POOR_WEI = 20 * ETHER
GAS_WEI = ETHER // 4
PERIOD = 25_600
SEEN_BLOCKS = CONFIRMATIONS + 5
"""Until a call that failed is known to have, for good."""


class Siege:
    """A stage with a lie that nobody has contradicted, poor defenders, and mallory, who pays most of each pool."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder, challenge_period_blocks=PERIOD)
        trade_a_little(self.stage)
        self.stage.publish()
        self.stage.deployment.save(folder / "deployment.json")
        for name in ("pia", "per"):
            save_key(account(name), folder / f"{name}.key")
            self.stage.chain.request("tallystick_fund", "0x" + address(name).hex(), hex(POOR_WEI))
        self.before = self.stage.client.head().number
        self.stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step).tick()
        self.stage.fund("mallory")
        self.folder = folder
        self.told = Told()
        self.parties: list[Party] = []
        self.frustrated = 0
        self.pool: dict[str, Any] = {}

    def defender(self, name: str, disk: str = "") -> Party:
        """Begin a defender, whose calls out of a pool mallory sees before they are mined."""
        party = make_party(
            ChallengerConfig(
                rpc=(self.stage.server.url,),
                deployment=self.folder / "deployment.json",
                data_dir=self.folder / (disk or name),
                mode=Mode.DEFEND,
                key=KeyFile(path=self.folder / f"{name}.key"),
                poll_seconds=1,
                tag="latest",
            ),
            self.told,
            SystemClock(),
        )
        self.parties.append(party)
        make = party.client.contract("BondPool", self.stage.place("BondPool")).encode(
            "makePost", bytes(32), bytes(32), b""
        )
        send = party.client.send_raw

        def see(raw: bytes) -> bytes:
            if make[:4] in raw and self.pool:
                self.frustrated += 1
                self.transact("quit", self.id)
                sent = send(raw)
                self.fill()
                return sent
            return send(raw)

        party.client.send_raw = see  # type: ignore[method-assign]
        return party

    def fill(self) -> None:
        """Have mallory put in what would be all but one ether of the sum."""
        self.transact("join", self.pool, value_wei=31 * ETHER)

    def transact(self, function: str, *arguments: Any, value_wei: int = 0) -> None:
        what = f"{function} {self.frustrated} {self.stage.client.head().number}"
        if self.stage.call("BondPool", "pool", self.id)["made"]:
            return
        self.stage.transact("mallory", what, "BondPool", function, *arguments, value_wei=value_wei)

    def besiege(self, party: Party) -> None:
        """Let mallory fill the pool that a defender is going to look for."""
        assert party.read()
        party.mind.judge()
        (due,) = [each for each in party.due() if each.name == "assert"]
        purpose = purpose_of(due, party.rollup)
        assert purpose is not None
        self.pool = purpose.argument()
        self.id = purpose.pool(self.stage.place("Rollup"))
        self.fill()

    def wealth_wei(self, name: str) -> int:
        return self.stage.client.balance_wei(address(name))

    def go_on(self, blocks: int, each: int = 1) -> None:
        for _ in range(0, blocks, each):
            self.stage.mine(each)
            for party in self.parties:
                party.tick()

    def close(self) -> None:
        for party in self.parties:
            party.close()
        self.stage.close()


@pytest.fixture
def siege(tmp_path: Path) -> Iterator[Siege]:
    made = Siege(tmp_path)
    yield made
    made.close()


def test_who_leaves_in_front_of_each_call_stops_no_members_that_hold_the_sum_together(siege: Siege) -> None:
    siege.besiege(siege.defender("pia"))
    siege.defender("per")
    siege.go_on(3 * SEEN_BLOCKS, each=15)
    assert siege.frustrated >= 1
    assert len(siege.told.named("asserted")) == 1
    truth = siege.told.named("asserted")[0]["assertion"]
    assert siege.parties[0].rollup.assertions[truth].bonded == siege.stage.place("BondPool")
    # what was not needed is with them again, to pay for roots
    assert siege.told.named("left_pool")
    bond = siege.stage.deployment.config.assertion_bond_wei
    assert siege.wealth_wei("pia") + siege.wealth_wei("per") >= 2 * POOR_WEI - bond - 2 * ETHER - GAS_WEI


def test_calls_that_others_frustrate_are_tried_ever_more_rarely(siege: Siege) -> None:
    party = siege.defender("pia")
    siege.besiege(party)
    siege.go_on(40 * SEEN_BLOCKS, each=SEEN_BLOCKS)
    assert not siege.told.named("asserted")
    assert 5 <= siege.frustrated <= 14, "every failure seen would have been forty"
    assert siege.wealth_wei("pia") + siege.stage.call("BondPool", "dueWei", siege.id, "0x" + address("pia").hex()) >= (
        POOR_WEI - GAS_WEI
    )


@pytest.mark.parametrize("disk", ["", "another"])
def test_a_stake_comes_back_where_the_truth_was_never_posted(siege: Siege, disk: str) -> None:
    """Nobody else comes: when no truth can stand beside the lie any more the stake is fetched, also without the disk."""
    party = siege.defender("pia")
    siege.go_on(2)
    assert len(siege.told.named("joined")) == 1
    siege.go_on(UNWANTED_BLOCKS + 20, each=40)
    assert siege.wealth_wei("pia") < 2 * ETHER, "a pool that is wanted is kept"
    siege.stage.mine(PERIOD)
    if disk:
        siege.parties.remove(party)
        party.close()
        siege.defender("pia", disk)
    siege.go_on(4)
    assert len(siege.told.named("left_pool")) == 1
    assert siege.wealth_wei("pia") >= POOR_WEI - GAS_WEI
    siege.go_on(12, each=3)
    assert len(siege.told.named("left_pool")) == 1 and len(siege.told.named("joined")) == 1


def test_a_stake_comes_back_when_a_reorganisation_took_the_lie_and_left_the_pool(siege: Siege) -> None:
    stage = siege.stage
    party = siege.defender("pia")
    siege.go_on(2)
    assert len(siege.told.named("joined")) == 1
    joined = [
        each
        for number in range(siege.before + 1, stage.client.head().number + 1)
        for each in sent_by("pia", stage, number)
    ]
    stage.chain.request("anvil_reorg", stage.client.head().number - siege.before, [[raw, 0] for raw in joined])
    siege.go_on(4)
    assert not party.wrong
    assert stage.client.balance_wei(stage.place("BondPool")) > ETHER
    siege.go_on(UNWANTED_BLOCKS + 8, each=4)
    assert len(siege.told.named("left_pool")) == 1
    assert stage.client.balance_wei(stage.place("BondPool")) == 0


def sent_by(name: str, stage: Stage, number: int) -> list[str]:
    """Return the raw transactions of a name in a block."""
    block = stage.chain.request("eth_getBlockByNumber", hex(number), True)
    return [
        stage.chain.request("eth_getRawTransactionByHash", each["hash"])
        for each in block["transactions"]
        if bytes.fromhex(each["from"][2:]) == address(name)
    ]
