"""L: a whole dispute with several liars while the honest party's view of L1, or its way to L1, is bad."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.bench.disputes.battle import HONEST, Battle, Result
from tallystick.bench.disputes.sybils import Timing, attacks
from tallystick.dispute.trace_tree import History
from tallystick.l1.client.access import L1
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.dev.dev_server import DevServer
from tallystick.l1.sending.fees import GWEI, FeePolicy
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import SenderConfig, TxQueue
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import CONFIRMATIONS, Identity, Party
from tallystick.ports.system import SystemClock
from tallystick.testing.handclock import HandClock
from tallystick.testing.l1_stage import FUND_WEI, PERIOD_BLOCKS, Stage, account
from tests.adversaries.rules import must_hold
from tests.l1.relay import Relay

LIARS = 3
BLOCK_SECONDS = 12
NORMAL_CAP = FeePolicy(cap_wei=5 * GWEI, urgent_cap_wei=1_000 * GWEI)
DEAR_WEI = 100 * GWEI


def battle_of(stage: Stage) -> Battle:
    """Return a battle with liars of all tempers but those who do the honest side's work."""
    fresh = stage.world.fresh()
    true = History(fresh.state, fresh.inputs, height=stage.deployment.config.root_height)
    return Battle(stage=stage, true=true, attacks=attacks(true, LIARS, timings=(Timing.AT_ONCE, Timing.LATE)))


def party_on(battle: Battle, client: L1, clock: HandClock, fees: FeePolicy) -> Party:
    """Return the honest party on another client, and with another clock and purse."""
    stage = battle.stage
    store = QueueStore(stage.folder / "weather.sqlite")
    stage._open.append(store)
    config = SenderConfig(confirmations=CONFIRMATIONS, fees=fees)
    queue = TxQueue(client=client, account=account(HONEST), store=store, config=config, clock=clock)
    identity = Identity(duties=DUTIES[Mode.RESOLVE])
    return Party(client, stage.deployment, identity, battle.told, queue=queue)


def ends_well(battle: Battle, result: Result) -> None:
    """Check that the weather changed nothing but the cost."""
    assert result.won
    assert result.liars_time < PERIOD_BLOCKS
    assert result.blocks <= 2 * PERIOD_BLOCKS
    must_hold(battle.stage, battle.honest, before_wei=FUND_WEI)


def test_L04_L05_a_dispute_is_won_while_gas_costs_a_hundredfold_and_transactions_get_stuck(stage: Stage) -> None:
    """From the third block on the base fee is twenty times the cap of what has no deadline. Moves have one: they offer
    more with every block that passes, those signed before are replaced, and the party wins in time and with a profit.
    """
    battle = battle_of(stage)
    first = stage.client.head().number
    clock = HandClock()

    def dear(block: int) -> None:
        clock.passed += BLOCK_SECONDS
        fee = DEAR_WEI if first + 3 <= block < first + PERIOD_BLOCKS else GWEI
        stage.chain.request("anvil_setNextBlockBaseFeePerGas", hex(fee))

    battle.watch = dear
    battle.honest = party_on(battle, L1Client(stage.server.url, clock=SystemClock()), clock, NORMAL_CAP)
    result = battle.play()
    ends_well(battle, result)
    assert battle.told.named("l1_problem"), "something was too dear, and was said to be"


@pytest.fixture
def relays(stage: Stage) -> Iterator[list[Relay]]:
    """Three endpoints of the stage's chain."""
    assert isinstance(stage.server, DevServer)
    made = [Relay(stage.server.rpc) for _ in range(3)]
    yield made
    for relay in made:
        relay.close()


def missing_logs(method: str, params: list[Any], result: Any) -> Any:
    """Receipts and logs without logs."""
    if method == "eth_getLogs":
        return []
    if method in ("eth_getTransactionReceipt", "eth_getBlockReceipts") and result:
        many = [each | {"logs": []} for each in (result if isinstance(result, list) else [result])]
        return many if isinstance(result, list) else many[0]
    return result


def truncated(method: str, params: list[Any], result: Any) -> Any:
    """Lists cut short."""
    return result[: len(result) // 2] if isinstance(result, list) else result


def failed_receipts(method: str, params: list[Any], result: Any) -> Any:
    """Transactions that are said to have failed."""
    if method == "eth_getTransactionReceipt" and result:
        return result | {"status": "0x0"}
    return result


def honest(method: str, params: list[Any], result: Any) -> Any:
    """The truth."""
    return result


def test_L08_L09_a_dispute_is_won_on_endpoints_that_lie_lag_truncate_and_flap(
    stage: Stage, relays: list[Relay]
) -> None:
    """One of three endpoints by turns leaves out logs, cuts lists short, tells of failures that were none, shows an old
    head, and answers nothing. What two agree on, or what proves itself, is followed.
    """
    battle = battle_of(stage)
    old: dict[str, Any] = {}

    def stale(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and params and params[0] == "latest":
            return old.setdefault("head", result)
        return result

    tricks = [missing_logs, truncated, failed_receipts, stale, None]

    def weather(block: int) -> None:
        old.clear()
        trick = tricks[block % len(tricks)]
        relays[0].down, relays[0].lie = trick is None, trick or honest

    battle.watch = weather
    client = QuorumClient([relay.url for relay in relays], clock=SystemClock())
    battle.honest = party_on(battle, client, HandClock(), FeePolicy())
    result = battle.play()
    relays[0].down, relays[0].lie = False, honest
    ends_well(battle, result)
    assert all(relay.asked for relay in relays)
