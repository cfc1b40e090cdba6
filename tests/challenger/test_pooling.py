"""Mode defend without enough money: challengers that together hold a bond post the truth, and have everything back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tallystick.errors import BadInput, ConfigError
from tallystick.l1.sending.keys import KeyFile, save_key
from tallystick.party.bonds.bond_pools import purpose_of
from tallystick.party.duties import Mode
from tallystick.party.party import Party
from tallystick.ports.system import SystemClock
from tallystick.testing.l1_stage import Stage, Told, account, finished
from tallystick.testing.rogues.lies import LIES
from tallystick.testing.world import address
from tallystick_challenger.cli import app
from tallystick_challenger.config import ChallengerConfig
from tallystick_challenger.daemon import make_party

ETHER = 10**18
POOR_WEI = 20 * ETHER
GAS_WEI = 10**17
ROUNDS = 200


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A stage with a lie on it, which nobody has contradicted."""
    stage.party("operator", Mode.PROPOSE, Told(), LIES["worse-fill"](bytes(20)).step).tick()
    return stage


Make = Callable[..., Party]


@pytest.fixture
def poor(stage: Stage, tmp_path: Path) -> Iterator[Make]:
    """The party that `challenger run` would be with a key that holds less than a bond; begun again, with an empty disk."""
    made: list[Party] = []

    def make(name: str, told: Told, mode: Mode = Mode.DEFEND, pool_wei: int | None = None) -> Party:
        key = tmp_path / f"{name}.key"
        if not key.exists():
            save_key(account(name), key)
            stage.chain.request("tallystick_fund", "0x" + address(name).hex(), hex(POOR_WEI))
        lives = len(list(tmp_path.glob(f"{name}-*")))
        config = ChallengerConfig(
            rpc=(stage.server.url,),
            deployment=tmp_path / "deployment.json",
            data_dir=tmp_path / f"{name}-{lives}",
            mode=mode,
            key=KeyFile(path=key),
            poll_seconds=1,
            tag="latest",
            pool_wei=pool_wei,
        )
        made.append(make_party(config, told, SystemClock()))
        return made[-1]

    yield make
    for each in made:
        each.close()


def wealth_wei(stage: Stage, name: str) -> int:
    """What a key holds and is owed."""
    who = "0x" + address(name).hex()
    owed = sum(int(stage.call(contract, "credit", who)) for contract in ("Rollup", "Challenge"))
    return stage.client.balance_wei(address(name)) + owed


def tick(parties: list[Party]) -> None:
    for _ in range(3):
        for each in parties:
            each.tick()


def test_two_poor_challengers_post_the_truth_together_and_get_everything_back(stage: Stage, poor: Make) -> None:
    told = Told()
    parties = [poor(name, told) for name in ("pia", "per")]
    tick(parties)
    assert len(told.named("joined")) == 2 and len(told.named("asserted")) == 1
    (truth,) = [each for each in parties[0].rollup.assertions.values() if each.parent and each not in parties[0].wrong]
    assert truth.bonded == stage.deployment.addresses.bond_pool
    assert all(stage.client.balance_wei(address(name)) > ETHER // 2 for name in ("pia", "per"))

    # they play on with what they kept; others confirm, and they begin again with an empty disk
    resolver = stage.party("challenger", Mode.RESOLVE, Told())
    for _ in range(ROUNDS):
        before = stage.client.head().number
        for each in (*parties, resolver):
            each.tick()
        if finished(resolver):
            break
        if stage.client.head().number == before:
            stage.mine(10)
    assert resolver.rollup.latest_confirmed == truth.id
    for each in parties:
        each.close()
    again = Told()
    parties = [poor(name, again) for name in ("pia", "per")]
    for _ in range(3):
        tick(parties)
    assert {name for name, _ in (*told.events, *again.events)} >= {"collected", "left_pool"}
    for name in ("pia", "per"):
        assert wealth_wei(stage, name) >= POOR_WEI - GAS_WEI
    assert stage.client.balance_wei(stage.deployment.addresses.bond_pool) == 0
    block = stage.client.head().number
    tick(parties)
    assert stage.client.head().number == block


def test_a_stake_comes_back_where_somebody_else_posts_the_truth(stage: Stage, poor: Make) -> None:
    told = Told()
    party = poor("pia", told)
    tick([party])
    assert len(told.named("joined")) == 1
    tick([party])
    assert len(told.named("joined")) == 1
    tick([stage.party("challenger", Mode.DEFEND, Told())])
    tick([party])
    assert len(told.named("left_pool")) == 1
    assert not told.named("not_taken")
    assert wealth_wei(stage, "pia") >= POOR_WEI - GAS_WEI


def test_a_call_out_of_a_pool_that_waits_to_be_signed_stays_what_is_wanted(stage: Stage, poor: Make) -> None:
    """The key cannot pay the bond: on the next look the call by its own money must not take the waiting one's place."""
    told = Told()
    party = poor("pia", told, pool_wei=ETHER)
    assert party.read()
    party.mind.judge()
    (due,) = [each for each in party.due() if each.name == "assert"]
    purpose = purpose_of(due, party.rollup)
    assert purpose is not None and party.hand is not None
    bond = stage.deployment.config.assertion_bond_wei
    stage.transact("challenger", "the sum", "BondPool", "join", purpose.argument(), value_wei=bond)
    for _ in range(3):
        party.hand.take(party.due(), party.head)
    assert len(told.named("queued")) == 1
    tick([party])
    assert len(told.named("asserted")) == 1
    assert not told.named("l1_problem")


def test_no_more_goes_into_a_pool_than_the_option_says_and_nothing_in_other_modes(stage: Stage, poor: Make) -> None:
    told = Told()
    for name, mode, most in (("pia", Mode.DEFEND, 0), ("per", Mode.RESOLVE, None), ("pat", Mode.RESOLVE, 3 * ETHER)):
        party = poor(name, told, mode=mode, pool_wei=most)
        tick([party])
    assert stage.client.balance_wei(stage.deployment.addresses.bond_pool) == 3 * ETHER


def test_what_is_no_amount_for_a_pool_is_refused(poor: Make, tmp_path: Path) -> None:
    common = ["run", "--deployment", str(tmp_path / "deployment.json"), "--mode", "defend"]
    refused = CliRunner().invoke(app, [*common, "--pool", "-1"])
    assert isinstance(refused.exception, BadInput)
    with pytest.raises(ConfigError):
        poor("pia", Told(), pool_wei=-1)
