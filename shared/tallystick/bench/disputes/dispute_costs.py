"""One whole dispute over a full batch, with the real contracts: what tracing it takes, and what every move costs."""

from __future__ import annotations

import random
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from tallystick.bench.disputes.battle import Battle, typical
from tallystick.bench.disputes.move_gas import Prover
from tallystick.bench.disputes.sybils import lie_at, send
from tallystick.dispute.trace_tree import History
from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.native import how
from tallystick.party.duties import Mode
from tallystick.party.strategy.moves import call_for
from tallystick.party.strategy.player import Claim, Decide, Player, Update
from tallystick.proof.tracer import Tracer
from tallystick.records.items import ITEM_PLACE, Item
from tallystick.rollup.views.assertion_view import assertion_id
from tallystick.schema.names import Phase
from tallystick.state.ordinals import BlockNumber, SignedMarket
from tallystick.state.state import State
from tallystick.testing import scenarios
from tallystick.testing.l1_stage import PERIOD_BLOCKS, Stage, Told

Result = dict[str, Any]
FULL: Final = 1 << 16
"""Steps of the trace at least."""
BULKS: Final = 58
"""Bulks of a full batch: two a chunk."""
ORDERS: Final = 95
TRADERS: Final = 6
MARKETS: Final = 4
PRICE: Final = 10_000
MEASURER: Final = "measurer"
SAMPLE: Final = 400
"""Steps of the trace that are proven for the median."""
OTHERS: Final = {
    "BoLD, as deployed": {"moves": 71, "bisect": 442_000, "prove": 118_000},
    "Cartesi PRT": {"moves": 93, "bisect": 90_000, "prove": 210_000},
    "OP FaultDisputeGame": {"moves": 74, "bisect": 200_000, "prove": None},
}
"""Moves on one path, gas of a move, gas of the proof: published figures, gas to the nearest thousand. BoLD's proof is
its wrapper alone; PRT's is sealing and winning; OP publishes none."""


@dataclass(slots=True, kw_only=True)
class Watch:
    """An honest player beside the battle: how long it thinks about each kind of move, and what deciding costs in two
    transactions instead of one.
    """

    stage: Stage
    history: History
    battle: Battle | None = None
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    update_gas: int = 0
    confirm_gas: int = 0
    _seen: set[str] = field(default_factory=set[str])

    def __call__(self, block: int) -> None:
        """Think about the moves of a block."""
        assert self.battle is not None
        eyes, parent = self.battle.eyes, self.battle.parent
        mine = eyes.rollup.assertions.get(assertion_id(parent.id, self.history.last_state))
        if mine is None or len(eyes.rollup.children[parent.id]) < 2:
            return
        head_start = eyes.rollup.unrivalled_blocks(mine, BlockNumber(block))
        claim = Claim(parent=parent.id, assertion=mine.id, limit=mine.limit, head_start=head_start)
        began = time.perf_counter()
        moves = Player(self.history, claim, PERIOD_BLOCKS).moves(eyes.challenge, BlockNumber(block))
        keys = {call_for(move, 0).key for move in moves}
        seconds = time.perf_counter() - began
        if moves and not keys & self._seen:
            self.seconds[type(moves[0]).__name__.lower()].append(seconds / len(moves))
        self._seen |= keys
        for move in moves:
            if isinstance(move, Decide) and not self.update_gas:
                self._decide_apart(move)

    def _decide_apart(self, decide: Decide) -> None:
        """Update and confirm in two transactions, and have both forgotten."""
        assert self.battle is not None
        client = self.stage.chain
        snapshot = client.request("evm_snapshot")
        gas: list[int] = []
        apart = call_for(Update(openings=decide.openings), 0), call_for(Decide(root=decide.root, openings=()), 0)
        for nonce, call in enumerate(apart):
            hash_ = send(self.stage, self.battle.eyes, MEASURER, "Challenge", call, nonce=nonce)
            self.stage.mine(1)
            receipt = client.receipt(hash_)
            assert receipt is not None and receipt.succeeded
            gas.append(receipt.gas_used)
        client.request("evm_revert", snapshot)
        self.update_gas, self.confirm_gas = gas


def measure(*, steps: int = FULL, bulks: int = BULKS, seed: int = 7, worst: bool = True) -> Result:
    """Publish batches of so many steps at least, lie about one of them, and play the dispute to its end.

    Shape: `trace_seconds` and `move_seconds` are the honest side's, without L1; `gas` is of whole transactions.
    `worst` proves every step of every scenario as well, which takes half a minute.
    """
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        stage = Stage(Path(folder), markets=dict.fromkeys(range(MARKETS), 10))
        try:
            return _measure(stage, steps, bulks, seed, worst)
        finally:
            stage.close()


def _measure(stage: Stage, steps: int, bulks: int, seed: int, worst: bool) -> Result:
    start = _open(stage)
    first = len(stage.world.published.headers)
    live_seconds, orders = _trade(stage, start, steps, bulks, seed)
    _assert_opening(stage)
    began = time.perf_counter()
    replayed = Machine(start.copy(), stage.world.published)
    ran = int(engine.run(replayed, 1 << 20))
    same = replayed.state.hash() == stage.world.state.hash()
    replay_seconds = time.perf_counter() - began
    began = time.perf_counter()
    history = History(start, stage.world.published, height=stage.deployment.config.root_height)
    trace_seconds = time.perf_counter() - began

    lie = _a_match(history, start, stage)
    stage.fund(MEASURER)
    watch = Watch(stage=stage, history=history)
    battle = Battle(stage=stage, true=history, attacks=[lie_at(history, lie, "a false fill")], watch=watch)
    watch.battle = battle
    result = battle.play()
    gas = result.by_function
    prover = Prover(stage.world.published)
    limit = len(stage.world.published.headers)
    sample = _sample(start, stage, prover, limit, seed)
    alone = prover.prove_gas(history.prove(lie).step, limit, lie, history.prove(lie))
    most = max([*sample, *(_worst(history.height) if worst else [])])
    return {
        "how": how(),
        "ok": same and result.won and ran == len(history.states) - 1 >= steps,
        "batches": limit - first,
        "orders": orders,
        "trace_steps": ran,
        "trace_seconds": round(trace_seconds, 3),
        "trace_steps_per_second": round(ran / trace_seconds),
        "move_seconds": {name: round(median(each), 4) for name, each in watch.seconds.items()},
        "live_seconds": round(live_seconds, 3),
        "replay_seconds": round(replay_seconds, 3),
        "replay_over_live": round(live_seconds / replay_seconds, 2),
        "gas": {
            "open": gas["openRoot"][0],
            "bisect_first": gas["bisect"][0],
            "bisect_median": typical(gas["bisect"]),
            "prove_median": typical(sample),
            "prove_worst": most,
            "update": watch.update_gas,
            "confirm": watch.confirm_gas,
            "settle": gas["settle"][0],
        },
        "gas_in_the_game": {
            "prove": gas["prove"][0],
            "prove_apart": alone,
            "update_and_confirm": gas["decide"][0],
        },
        "moves": result.moves,
        "blocks": result.blocks,
        "others": OTHERS,
    }


def _open(stage: Stage) -> State:
    """Open markets and accounts in a batch of their own; return the state behind it, where the trace will begin."""
    world = stage.world
    for number in range(TRADERS):
        stage.deposit(f"trader {number}", 10**13)
    stage.begin()
    for market in range(MARKETS):
        world.report(market, PRICE)
    stage.consume()
    stage.publish()
    return world.state.copy()


def _trade(stage: Stage, start: State, steps: int, bulks: int, seed: int) -> tuple[float, int]:
    """Publish full batches until a replay takes so many steps. Return the live machine's seconds, and the orders."""
    world, chance = stage.world, random.Random(seed)
    shadow, done, seconds, orders = Machine(start.copy(), world.published), 0, 0.0, 0
    accounts = sorted(world.owners)
    while done < steps:
        stage.begin()
        for number in range(bulks):
            market = chance.randrange(MARKETS)
            items = [
                Item(
                    what=ITEM_PLACE,
                    client_id=orders + i,
                    market=SignedMarket(market),
                    side=chance.randrange(2),
                    price_ticks=round(chance.gauss(PRICE, 20)),
                    lots=chance.randint(1, 10),
                )
                for i in range(ORDERS)
            ]
            began = time.perf_counter()
            world.bulk(accounts[number % TRADERS], items, [])
            seconds += time.perf_counter() - began
            orders += ORDERS
        began = time.perf_counter()
        world.state.hash()
        seconds += time.perf_counter() - began
        stage.publish()
        done += int(engine.run(shadow, 1 << 20))
    return seconds, orders


def _assert_opening(stage: Stage) -> None:
    """Have the first batch asserted and confirmed: what is disputed then is all the others."""
    stage.mine(1)
    stage.party("operator", Mode.PROPOSE, Told()).tick()
    stage.mine(PERIOD_BLOCKS + 1)
    confirmer = stage.party("confirmer", Mode.RESOLVE, Told())
    for _ in range(2):
        confirmer.tick()


def _a_match(history: History, start: State, stage: Stage) -> int:
    """Return the number of a match in the second half of the trace: what a lie would be about."""
    machine = Machine(start.copy(), stage.world.published)
    at = (len(history.states) - 1) // 2
    engine.run(machine, at)
    while machine.state.registers.phase != Phase.MATCH_MAKER:
        engine.step(machine)
        at += 1
    return at


def _sample(start: State, stage: Stage, prover: Prover, limit: int, seed: int) -> list[int]:
    """Return the gas of proving steps of the trace, chosen by the seed, each at its own index."""
    length = int(engine.run(Machine(start.copy(), stage.world.published), 1 << 20))
    chosen = sorted(random.Random(seed).sample(range(length), min(SAMPLE, length)))
    machine, at, found = Machine(start.copy(), stage.world.published), 0, []
    for index in chosen:
        engine.run(machine, index - at)
        tracer = Tracer(machine)
        found.append(prover.prove_gas(tracer.prove(), limit, index))
        at = index + 1
    return found


def _worst(height: int) -> list[int]:
    """Return, of every scenario, the gas of its dearest proof, at the leaf that takes the most siblings."""
    found: list[int] = []
    worst = 1 << (height - 1)
    for name in scenarios.SCENARIOS:
        played = scenarios.play(name)
        prover, limit = Prover(played.scene.published), played.scene.published.batch_limit
        found.append(max(prover.prove_gas(proof, limit, worst) for proof, _ in played.steps()))
    return found
