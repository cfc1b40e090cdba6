"""Histories that lead through every step and every outcome, each ready to be replayed step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from tallystick.machine.engine import halted
from tallystick.machine.machine import Machine
from tallystick.proof.tracer import StepProof, Tracer
from tallystick.records.blob_chunks import BLOB_CHUNK_BYTES
from tallystick.rollup.invariants import imbalance
from tallystick.schema.names import Outcome, Phase
from tallystick.state.layout import SOURCE_BLOBS
from tallystick.testing.scenarios import batches, changes, forced, markets, prices, series, tiers
from tallystick.testing.scenarios import moved_cash as transfers
from tallystick.testing.scenarios import refused_records as intake
from tallystick.testing.scenarios import wound_up as winding
from tallystick.testing.scenarios.chance import at_the_ends as extremes
from tallystick.testing.scenarios.chance import heaviest
from tallystick.testing.scenarios.chance import order_flow as flow
from tallystick.testing.scenarios.orders import block_deals as blocks
from tallystick.testing.scenarios.orders import book_pages as book
from tallystick.testing.scenarios.orders import braked, deleveraged, sampled, trading, triggers
from tallystick.testing.scenarios.orders import closed_out as liquidations
from tallystick.testing.scenarios.orders import many_orders as bulk
from tallystick.testing.scenarios.orders import order_flags as orders
from tallystick.testing.scenarios.scene import Scene

Scenario = Callable[[Scene], None]

SCENARIOS: Final[dict[str, Scenario]] = {
    **{
        scenario.__name__: scenario
        for module in (
            intake,
            batches,
            forced,
            markets,
            changes,
            series,
            heaviest,
            prices,
            trading,
            tiers,
            liquidations,
            deleveraged,
            braked,
            sampled,
            book,
            orders,
            triggers,
            transfers,
            blocks,
            bulk,
            winding,
        )
        for scenario in module.SCENARIOS
    },
    **{f"flow_{seed}": partial(flow.play, seed=seed, records=300) for seed in range(20)},
    **{f"extremes_{seed}": partial(extremes.play, seed=seed) for seed in range(8)},
    **{f"mutations_{seed}": partial(flow.mutate, seed=seed, records=400) for seed in range(3)},
}

SEEDED: Final = ("flow_", "extremes_", "mutations_")
"""What the names of histories made by chance begin with."""
NAMED: Final = tuple(name for name in SCENARIOS if not name.startswith(SEEDED))
FLOWS_STEPPED: Final = 4
SEEDED_STEPPED: Final = tuple(
    name
    for name in SCENARIOS
    if name.startswith(SEEDED) and (not name.startswith("flow_") or int(name.removeprefix("flow_")) < FLOWS_STEPPED)
)
"""Those made by chance that every run of the tests plays in the Referee step by step; `make twins` plays all, and more."""

GOES_ON: Final = None
"""The step ended no record."""

REACHABLE: Final[dict[Phase, frozenset[Outcome | None]]] = {
    Phase.OPEN_BATCH: frozenset({GOES_ON}),
    Phase.OPEN_CHUNK: frozenset({GOES_ON, Outcome.CHUNK_SKIPPED}),
    Phase.FETCH_RECORD: frozenset(
        {
            GOES_ON,
            Outcome.FRAME_BROKEN,
            Outcome.UNKNOWN_RECORD,
            Outcome.MALFORMED,
            Outcome.OUT_OF_RANGE,
            Outcome.BAD_SIGNATURE,
            Outcome.NO_ACCOUNT,
            Outcome.NOT_AUTHORISED,
            Outcome.AGENT_EXPIRED,
            Outcome.AGENT_SCOPE,
            Outcome.NONCE_USED,
            Outcome.NONCE_RANGE,
            Outcome.NO_MARKET,
            Outcome.WINDING_DOWN,
        }
    ),
    Phase.CONSUME_MESSAGE: frozenset(
        {
            Outcome.ACCEPTED,
            Outcome.UNKNOWN_RECORD,
            Outcome.MALFORMED,
            Outcome.OUT_OF_RANGE,
            Outcome.BAD_SIGNATURE,
            Outcome.NO_ACCOUNT,
            Outcome.NOT_AUTHORISED,
            Outcome.AGENT_EXPIRED,
            Outcome.AGENT_SCOPE,
            Outcome.NONCE_USED,
            Outcome.NONCE_RANGE,
            Outcome.NOT_WITHDRAWABLE,
            Outcome.UNKNOWN_MESSAGE,
            Outcome.NO_MARKET,
            Outcome.NO_POSITION,
            Outcome.MARKET_EXPIRED,
            Outcome.WINDING_DOWN,
            Outcome.TOO_EARLY,
            Outcome.NO_CLAIM,
        }
    ),
    Phase.SETTLE_ACCOUNT: frozenset({Outcome.ACCEPTED, Outcome.NO_ACCOUNT, Outcome.TOO_EARLY, Outcome.NO_CLAIM}),
    Phase.SET_CLOCK: frozenset({Outcome.ACCEPTED, Outcome.CLOCK_BACKWARDS, Outcome.CLOCK_OUT_OF_BOUND}),
    Phase.PLACE_ORDER: frozenset(
        {
            GOES_ON,
            Outcome.NO_MARKET,
            Outcome.MARKET_EXPIRED,
            Outcome.NOT_LIVE,
            Outcome.NO_MARK,
            Outcome.OUT_OF_RANGE,
            Outcome.BAD_FLAGS,
            Outcome.TOO_LARGE,
            Outcome.TOO_SMALL,
            Outcome.EXPIRED,
            Outcome.DEAD_MAN,
            Outcome.STALE_INDEX,
            Outcome.ALREADY_DUE,
        }
    ),
    Phase.MATCH_MAKER: frozenset(
        {
            GOES_ON,
            Outcome.ACCEPTED,
            Outcome.WORK_LIMIT,
            Outcome.UNFILLED,
            Outcome.NOTHING_TO_REDUCE,
            Outcome.SELF_TRADE,
            Outcome.WOULD_CROSS,
            Outcome.BRAKE,
            Outcome.NO_POSITION_SLOT,
            Outcome.POSITION_LIMIT,
            Outcome.MARGIN,
            Outcome.OPEN_INTEREST,
        }
    ),
    Phase.REST_ORDER: frozenset(
        {
            Outcome.ACCEPTED,
            Outcome.WORK_LIMIT,
            Outcome.UNFILLED,
            Outcome.BOOK_FULL,
            Outcome.TOO_MANY_ORDERS,
            Outcome.NO_SUCH_ORDER,
            Outcome.MARGIN,
        }
    ),
    Phase.CANCEL_ORDER: frozenset({Outcome.ACCEPTED, Outcome.NO_SUCH_ORDER}),
    Phase.WITHDRAW: frozenset({Outcome.ACCEPTED, Outcome.OUT_OF_RANGE, Outcome.NOT_WITHDRAWABLE}),
    Phase.APPROVE_AGENT: frozenset({Outcome.ACCEPTED, Outcome.OUT_OF_RANGE}),
    Phase.REPORT_PRICE: frozenset(
        {
            GOES_ON,
            Outcome.MALFORMED,
            Outcome.NO_MARKET,
            Outcome.OUT_OF_RANGE,
            Outcome.STALE_REPORT,
            Outcome.OLD_REPORT,
        }
    ),
    Phase.COMMIT_MEDIAN: frozenset({GOES_ON, Outcome.ACCEPTED}),
    Phase.QUOTE: frozenset({GOES_ON}),
    Phase.UPDATE_MARK: frozenset({GOES_ON}),
    Phase.FIRE_TRIGGER: frozenset({GOES_ON, Outcome.ACCEPTED}),
    Phase.LIST_MARKET: frozenset({Outcome.ACCEPTED, Outcome.MARKET_EXISTS, Outcome.BAD_PARAMETERS}),
    Phase.CHANGE_MARKET: frozenset({Outcome.ACCEPTED, Outcome.NO_MARKET, Outcome.OLD_CHANGE, Outcome.BAD_PARAMETERS}),
    Phase.SETTLE_POSITION: frozenset({Outcome.ACCEPTED, Outcome.NOT_SETTLED, Outcome.NO_POSITION, Outcome.TOO_EARLY}),
    Phase.APPLY_CHANGE: frozenset({Outcome.ACCEPTED, Outcome.NO_MARKET, Outcome.NO_CHANGE, Outcome.TOO_EARLY}),
    Phase.SWEEP: frozenset({Outcome.ACCEPTED, Outcome.OUT_OF_RANGE, Outcome.POSITION_LIMIT}),
    Phase.TOP_UP: frozenset(
        {Outcome.ACCEPTED, Outcome.NO_MARKET, Outcome.TOO_EARLY, Outcome.OUT_OF_RANGE, Outcome.POSITION_LIMIT}
    ),
    Phase.CHANGE_FEE_ACCOUNT: frozenset({Outcome.ACCEPTED, Outcome.NO_ACCOUNT, Outcome.OLD_CHANGE}),
    Phase.DELIST: frozenset({Outcome.ACCEPTED, Outcome.NO_MARKET, Outcome.BAD_PARAMETERS}),
    Phase.NEXT_ITEM: frozenset({GOES_ON, Outcome.ACCEPTED, Outcome.MALFORMED, Outcome.OUT_OF_RANGE, Outcome.NO_MARKET}),
    Phase.TRANSFER: frozenset(
        {
            Outcome.ACCEPTED,
            Outcome.OUT_OF_RANGE,
            Outcome.NOT_AUTHORISED,
            Outcome.NOT_WITHDRAWABLE,
            Outcome.POSITION_LIMIT,
        }
    ),
    Phase.BLOCK_TRADE: frozenset(
        {
            Outcome.ACCEPTED,
            Outcome.SELF_TRADE,
            Outcome.NOT_AUTHORISED,
            Outcome.BAD_SIGNATURE,
            Outcome.NO_ACCOUNT,
            Outcome.AGENT_EXPIRED,
            Outcome.AGENT_SCOPE,
            Outcome.NONCE_RANGE,
            Outcome.NONCE_USED,
            Outcome.NO_MARKET,
            Outcome.MARKET_EXPIRED,
            Outcome.NOT_LIVE,
            Outcome.NO_MARK,
            Outcome.OUT_OF_RANGE,
            Outcome.TOO_LARGE,
            Outcome.EXPIRED,
            Outcome.STALE_INDEX,
            Outcome.UNFILLED,
            Outcome.NOTHING_TO_REDUCE,
            Outcome.BRAKE,
            Outcome.NO_POSITION_SLOT,
            Outcome.POSITION_LIMIT,
            Outcome.MARGIN,
            Outcome.OPEN_INTEREST,
        }
    ),
    Phase.CANCEL_ALL: frozenset({Outcome.ACCEPTED}),
    Phase.SET_DEAD_MAN: frozenset({Outcome.ACCEPTED, Outcome.EXPIRED}),
    Phase.CLEAN_ORDER: frozenset({Outcome.ACCEPTED, Outcome.MALFORMED, Outcome.NO_SUCH_ORDER, Outcome.NOT_DEAD}),
    Phase.LIQUIDATE: frozenset(
        {
            GOES_ON,
            Outcome.NO_MARKET,
            Outcome.NO_POSITION,
            Outcome.STALE_INDEX,
            Outcome.LIQUIDATIONS_WAIT,
            Outcome.HEALTHY,
            Outcome.BRAKE,
            Outcome.BANKRUPT,
            Outcome.SLICE_WAITS,
            Outcome.UNFILLED,
        }
    ),
    Phase.TAKE_OVER: frozenset(
        {
            Outcome.ACCEPTED,
            Outcome.NO_MARKET,
            Outcome.NO_POSITION,
            Outcome.STALE_INDEX,
            Outcome.LIQUIDATIONS_WAIT,
            Outcome.HEALTHY,
            Outcome.BRAKE,
            Outcome.BOOK_FIRST,
            Outcome.INSURANCE_LIMIT,
        }
    ),
    Phase.NOMINATE_ADL: frozenset(
        {
            Outcome.ACCEPTED,
            Outcome.NO_MARKET,
            Outcome.NO_POSITION,
            Outcome.STALE_INDEX,
            Outcome.LIQUIDATIONS_WAIT,
            Outcome.HEALTHY,
            Outcome.BOOK_FIRST,
            Outcome.INSURANCE_FIRST,
            Outcome.BRAKE,
            Outcome.NOT_ELIGIBLE,
            Outcome.OUTRANKED,
        }
    ),
    Phase.DELEVERAGE: frozenset(
        {
            Outcome.ACCEPTED,
            Outcome.NO_NOMINATION,
            Outcome.TOO_EARLY,
            Outcome.EXPIRED,
            Outcome.NO_POSITION,
            Outcome.STALE_INDEX,
            Outcome.LIQUIDATIONS_WAIT,
            Outcome.HEALTHY,
            Outcome.BOOK_FIRST,
            Outcome.INSURANCE_FIRST,
            Outcome.BRAKE,
            Outcome.NOT_ELIGIBLE,
        }
    ),
}
"""Every outcome a step can end with."""

Coverage = Counter[tuple[Phase, Outcome | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A scenario played to its end, to be replayed from its start."""

    name: str
    scene: Scene

    def steps(self) -> Iterator[tuple[StepProof, Outcome | None]]:
        """Yield every step's proof, and the outcome with which it ended a record or a message, if it did.

        Raises: AssertionError when a step makes or loses money (I1), or the replay does not come to the state that was
        played.
        """
        machine = self.scene.machine_at_start()
        # A scenario may begin with a state written by hand, in which not every unit was deposited.
        owed = imbalance(machine.state)
        events = machine.events
        assert events is not None
        tracer = Tracer(machine)
        while not halted(machine):
            events.clear()
            if _opens_zeros(machine):
                tracer.advance()
                continue
            proof = tracer.prove()
            assert imbalance(machine.state) == owed, f"{self.name}: {Phase(proof.phase).name} makes or loses money"
            ends = [values[-1] for name, values in events if name in ("outcome", "message")]
            yield proof, _outcome(proof, ends, machine.state.registers.phase)
        assert tracer.state_hash == self.scene.state.hash(), f"{self.name}: the replay ends elsewhere"


def play(name: str) -> Played:
    """Play a scenario."""
    scene = Scene()
    SCENARIOS[name](scene)
    scene.finish()
    return Played(name=name, scene=scene)


def table(coverage: Coverage) -> str:
    """Return how often each step ended with each outcome, one step a line."""
    lines: list[str] = []
    for phase in Phase:
        cells = [
            f"{'goes on' if outcome is None else outcome.name} {coverage[phase, outcome]}"
            for outcome in sorted(REACHABLE[phase], key=lambda each: -1 if each is None else each)
        ]
        lines.append(f"{phase.name:16} {', '.join(cells)}")
    return "\n".join(lines)


def _opens_zeros(machine: Machine) -> bool:
    """Whether the next step opens a chunk of a blob in which there is nothing: each takes 64 proofs and tells no more than the others."""
    registers, inputs = machine.state.registers, machine.inputs
    if registers.phase != Phase.OPEN_CHUNK or registers.batch_source != SOURCE_BLOBS:
        return False
    if registers.chunk_cursor == registers.chunk_count:
        return False
    chunk = inputs.chunk(registers.batch_cursor, int(registers.chunk_cursor))
    return chunk == bytes(BLOB_CHUNK_BYTES)


def _outcome(proof: StepProof, ends: list[int], next_phase: int) -> Outcome | None:
    """The outcome of a step: two kinds of step skip bytes without an event, and stay in their phase when they do."""
    if ends:
        return Outcome(ends[0])
    skips = {Phase.OPEN_CHUNK: Outcome.CHUNK_SKIPPED, Phase.FETCH_RECORD: Outcome.FRAME_BROKEN}
    return skips.get(Phase(proof.phase)) if proof.phase == next_phase else None
