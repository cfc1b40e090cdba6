"""O: the operator lies about records, messages and prices: who signed them, how often and in which order they count.

As in `test_operator_state.py`, the Referee judges each lie.
"""

from __future__ import annotations

import pytest

from tallystick.machine import engine
from tallystick.machine.machine import Machine
from tallystick.machine.outbox import append_withdrawal
from tallystick.records.codec import Record
from tallystick.records.signing import domain_separator, make, sign
from tallystick.schema.names import Outcome, Phase
from tallystick.state.cells import account_owner, config_signers, set_account_owner, set_config_signers
from tallystick.state.layout import (
    ACCOUNT_CASH_UNITS,
    ACCOUNT_NONCE_CURRENT,
    CONFIG_QUORUM,
    MARKET_STATUS,
    MESSAGE_DEPOSIT,
    MESSAGE_FORCE_CANCEL_ALL,
    ORACLE_TIMES_MS,
    PRICE_INDEX_TICKS,
    REPORT_AGE_MS,
    STALE_MS,
)
from tallystick.state.ordinals import AccountId, MarketId, SignerNumber, UnixMs
from tallystick.state.quantities import Lots, Ticks, Units
from tallystick.testing.ledger.look import mark
from tallystick.testing.published import Published
from tallystick.testing.rogues.lies import make_lie
from tallystick.testing.world import World, address, key, message
from tests.adversaries.operator_state import (
    MARK,
    LieAt,
    Tamper,
    add,
    afterwards,
    exchange,
    newest,
    nothing,
    pretending,
    pretending_register,
    refuted,
)

BUY, SELL, IOC = 0, 1, 1
THIEF = address("thief")


def test_O02_the_right_root_of_fewer_batches_is_refuted_where_the_next_one_begins() -> None:
    """The operator asserts the state before the last batch. The limit is the parent's, so the machine goes on."""
    world = exchange()
    world.seal()
    world.order(1, 0, BUY, 990, 1)
    early = LieAt(phase=Phase.OPEN_BATCH, record=newest(world) - 1, tamper=nothing)
    assert refuted(world, early) is Phase.OPEN_BATCH


def test_O10_a_replayed_order_is_refuted() -> None:
    """The operator runs a signed order twice. The account's nonce window has its bit; the second run is rejected."""
    world = exchange()
    record = world.signed("order", "alice", account=1, nonce=0, price_ticks=990, lots=1)
    assert world.send(record) is Outcome.ACCEPTED
    assert world.send(record) is Outcome.NONCE_USED
    tamper = pretending(lambda m: m.state.accounts, 1, ACCOUNT_NONCE_CURRENT + 3, 0)
    lie = LieAt(phase=Phase.FETCH_RECORD, record=newest(world), tamper=tamper)
    assert refuted(world, lie) is Phase.FETCH_RECORD


def as_if_signed_by(account: int, signer: bytes) -> Tamper:
    """Return a lie that takes somebody else for an account's owner."""

    def tamper(machine: Machine) -> None:
        accounts = machine.state.accounts
        cell = accounts.open(AccountId(account))
        true = account_owner(accounts.words, cell)
        set_account_owner(accounts.words, cell, signer)
        engine.step(machine)
        set_account_owner(accounts.words, cell, true)
        accounts.mark(account)

    return tamper


def test_O11_an_order_with_a_forged_signature_is_refuted() -> None:
    """The operator signs a trader's order with its own key. The step recovers the signer and compares the owner."""
    world = exchange()
    forged = world.signed("order", "thief", account=1, nonce=0, price_ticks=990, lots=1)
    assert world.send(forged) is Outcome.NOT_AUTHORISED
    lie = LieAt(phase=Phase.FETCH_RECORD, record=newest(world), tamper=as_if_signed_by(1, THIEF))
    assert refuted(world, lie) is Phase.FETCH_RECORD


def place_anyway(machine: Machine) -> None:
    """Go on as if an order of account 1 had been authenticated."""
    registers = machine.state.registers
    registers.phase = int(Phase.PLACE_ORDER)
    (registers.arg_account, registers.arg_price_ticks, registers.arg_lots) = (AccountId(1), Ticks(990), Lots(1))


@pytest.mark.parametrize("how", ["high s", "no curve point", "zeros"])
def test_O11_an_order_with_a_malleable_or_impossible_signature_is_refuted(how: str) -> None:
    """The operator accepts a second form of a signature. There is one form only: compact, low s; others are nobody's."""
    world = exchange()
    good = world.signed("order", "alice", account=1, nonce=0, price_ticks=990, lots=1)
    bad = {
        "high s": good.signature[:32] + (2**255 - 1).to_bytes(32, "big"),
        "no curve point": b"\xff" * 32 + good.signature[32:],
        "zeros": bytes(64),
    }[how]
    assert world.send(Record(kind=good.kind, values=good.values, signature=bad)) is Outcome.BAD_SIGNATURE
    lie = LieAt(phase=Phase.FETCH_RECORD, record=newest(world), tamper=afterwards(place_anyway))
    assert refuted(world, lie) is Phase.FETCH_RECORD


@pytest.mark.parametrize("domain", ["other chain", "other contract", "none"])
def test_O12_an_order_signed_for_another_deployment_is_refuted(domain: str) -> None:
    """The operator replays an order from another chain or contract. Both are in the domain, which is in the state."""
    world = exchange()
    rollup = "0x" + world.genesis.rollup.hex()
    other = {
        "other chain": domain_separator(world.genesis.chain_id + 1, rollup),
        "other contract": domain_separator(world.genesis.chain_id, "0x" + THIEF.hex()),
        "none": bytes(32),
    }[domain]
    assert other != world.state.registers.domain
    record = sign(make("order", account=1, price_ticks=990, lots=1), other, key("alice"))
    assert world.send(record) is Outcome.NOT_AUTHORISED
    lie = LieAt(phase=Phase.FETCH_RECORD, record=newest(world), tamper=afterwards(place_anyway))
    assert refuted(world, lie) is Phase.FETCH_RECORD


def test_O12_an_order_moved_to_another_market_is_refuted() -> None:
    """The operator runs a signed order in another market. The market is signed: it would be somebody else's order."""
    world = exchange()
    world.list_market(1)
    world.report(1, MARK)
    world.order(1, 0, BUY, 990, 1)

    def move(machine: Machine) -> None:
        machine.state.registers.arg_market = MarketId(1)
        engine.step(machine)

    assert refuted(world, LieAt(phase=Phase.PLACE_ORDER, tamper=move)) is Phase.PLACE_ORDER


def consuming(forged: bytes) -> Tamper:
    """Return a lie that consumes a message L1 never queued, and witnesses it."""

    def tamper(machine: Machine) -> None:
        true = machine.inputs
        machine.inputs = Published(messages=[forged] * (machine.state.registers.message_cursor + 1))
        engine.step(machine)
        machine.inputs = true

    return tamper


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(message(MESSAGE_DEPOSIT, THIEF, 9, 10**12), id="O15 nobodys deposit"),
        pytest.param(message(MESSAGE_DEPOSIT, address("alice"), 1, 2 * 10**9), id="O17 more"),
        pytest.param(message(MESSAGE_DEPOSIT, address("alice"), 2, 10**9), id="O17 another account"),
        pytest.param(message(MESSAGE_DEPOSIT, THIEF, 1, 10**9), id="O17 another owner"),
        pytest.param(message(MESSAGE_FORCE_CANCEL_ALL, address("alice"), 1, 10**9), id="O17 another kind"),
    ],
)
def test_O15_O17_a_deposit_that_the_queue_does_not_hold_is_refuted(forged: bytes) -> None:
    """The operator invents a deposit or changes one. The message must continue the Inbox's hash chain: no witness."""
    world = World()
    world.deposit("alice", 1, 10**9)
    lie = LieAt(phase=Phase.CONSUME_MESSAGE, tamper=consuming(forged))
    assert refuted(world, lie) is Phase.CONSUME_MESSAGE


def test_O16_crediting_a_real_deposit_twice_is_refuted() -> None:
    """The operator credits a deposit twice and adjusts the totals. The step adds the message's amount once."""
    assert refuted(exchange(), make_lie("mint-deposit", THIEF)) is Phase.CONSUME_MESSAGE


def test_O16_consuming_a_deposit_again_is_refuted() -> None:
    """The operator leaves the cursor where it was, to take the same message again. The cursor is a register."""

    def turn_back(machine: Machine) -> None:
        machine.state.registers.message_cursor -= 1

    lie = LieAt(phase=Phase.CONSUME_MESSAGE, tamper=afterwards(turn_back))
    assert refuted(exchange(), lie) is Phase.CONSUME_MESSAGE


def test_O18_omitting_a_deposit_is_refuted() -> None:
    """The operator counts a deposit as consumed and credits nobody. It can only delay: by D10 not beyond a day."""

    def omit(machine: Machine) -> None:
        engine.step(machine)
        add(machine.state.accounts, 1, ACCOUNT_CASH_UNITS, -(10**9))
        machine.state.registers.cash_units = Units(machine.state.registers.cash_units - (10**9))
        machine.state.registers.deposited_units = Units(machine.state.registers.deposited_units - (10**9))

    lie = LieAt(phase=Phase.CONSUME_MESSAGE, tamper=omit)
    assert refuted(exchange(), lie) is Phase.CONSUME_MESSAGE


def test_O19_paying_a_withdrawal_to_somebody_else_is_refuted() -> None:
    """The operator replaces the recipient. It is signed, and in the registers when the outbox cell is written."""
    world = exchange()
    world.withdraw(1, 10**6)
    assert refuted(world, make_lie("steal-withdrawal", THIEF)) is Phase.WITHDRAW


def test_O19_a_withdrawal_nobody_signed_is_refuted() -> None:
    """The operator withdraws for a trader in a step that has nothing to do with it. No step writes what it must not."""

    def take(machine: Machine) -> None:
        account = machine.state.accounts.open(AccountId(1))
        append_withdrawal(machine, AccountId(1), account, THIEF, Units(10**6))

    lie = LieAt(phase=Phase.REST_ORDER, tamper=afterwards(take))
    world = exchange()
    world.order(2, 0, BUY, 990, 1)
    assert refuted(world, lie) is Phase.REST_ORDER


def test_O20_executing_a_withdrawal_twice_is_refuted() -> None:
    """The operator lets one record write two outbox cells. One record is one step. An index pays once: see T16."""

    def again(machine: Machine) -> None:
        append_withdrawal(machine, AccountId(1), machine.state.accounts.open(AccountId(1)), THIEF, Units(10**6))

    world = exchange()
    world.withdraw(1, 10**6)
    lie = LieAt(phase=Phase.WITHDRAW, tamper=afterwards(again))
    assert refuted(world, lie) is Phase.WITHDRAW


def report(world: World, by: str, signer: int = 0, price_ticks: int = 2 * MARK, ahead_ms: int = 0) -> Outcome:
    """Send one price report."""
    time = world.state.registers.clock_ms + ahead_ms
    return world.send(world.reported({0: price_ticks}, signer, time, by))


def test_O25_a_stale_price_taken_for_a_fresh_one_is_refuted() -> None:
    """The operator takes a report that is too old. The step compares it with the clock.

    When no newer one comes, nobody trades on the old one: to let an order take is refuted as well.
    """
    world = exchange()
    then = world.state.registers.clock_ms
    world.clock(ahead_ms=REPORT_AGE_MS + 1)
    assert report(world, "signer 0", ahead_ms=-REPORT_AGE_MS - 1) is Outcome.STALE_REPORT
    lie = LieAt(phase=Phase.REPORT_PRICE, record=newest(world), tamper=pretending_register("clock_ms", int(then)))
    assert refuted(world, lie) is Phase.REPORT_PRICE


def test_O25_an_order_taken_on_a_stale_index_is_refuted() -> None:
    """The operator matches an order although no price has come for more than half a minute. The step compares the times."""
    world = exchange()
    then = world.state.registers.clock_ms
    world.clock(ahead_ms=STALE_MS + 1)
    assert world.order(1, 0, 0, 1000, 1) is Outcome.STALE_INDEX
    lie = LieAt(phase=Phase.PLACE_ORDER, record=newest(world), tamper=pretending_register("clock_ms", int(then)))
    assert refuted(world, lie) is Phase.PLACE_ORDER


def test_O26_a_price_report_nobody_named_signed_is_refuted() -> None:
    """The operator signs a report itself. The step recovers the signer and compares the genesis' key."""
    world = exchange()
    assert report(world, "thief") is Outcome.NOT_AUTHORISED

    def believe(machine: Machine) -> None:
        config = machine.state.config
        cell = config.open(0)
        true = config_signers(config.words, cell, SignerNumber(0))
        set_config_signers(config.words, cell, SignerNumber(0), THIEF)
        engine.step(machine)
        set_config_signers(config.words, cell, SignerNumber(0), true)

    lie = LieAt(phase=Phase.FETCH_RECORD, record=newest(world), tamper=believe)
    assert refuted(world, lie) is Phase.FETCH_RECORD


def test_O26_a_mark_below_the_quorum_is_refuted() -> None:
    """The operator commits one signer's price. The step counts the fresh reports against the genesis' quorum."""
    world = exchange()
    world.later(REPORT_AGE_MS + 1)
    assert report(world, "signer 0") is Outcome.ACCEPTED
    assert mark(world.state, 0) == MARK
    tamper = pretending(lambda m: m.state.config, 0, CONFIG_QUORUM, 1)
    lie = LieAt(phase=Phase.COMMIT_MEDIAN, record=newest(world), tamper=tamper)
    assert refuted(world, lie) is Phase.COMMIT_MEDIAN


def test_O26_one_signer_who_reports_twice_within_a_second_is_refuted() -> None:
    """The operator takes a second report of one signer. The market's cell says when the signer reported last."""
    world = exchange()
    world.later(3_000)
    assert report(world, "signer 0") is Outcome.ACCEPTED
    assert report(world, "signer 0", price_ticks=MARK, ahead_ms=999) is Outcome.OLD_REPORT
    tamper = pretending(lambda m: m.state.oracles, 0, ORACLE_TIMES_MS, 0)
    assert refuted(world, LieAt(phase=Phase.REPORT_PRICE, record=newest(world), tamper=tamper)) is Phase.REPORT_PRICE


def test_O27_an_index_other_than_the_median_is_refuted() -> None:
    """The operator picks the best of the reports. The step takes the lower median; which reports get in is bounded only
    by what the named signers say: an accepted risk.
    """
    world = exchange()
    world.later(3_000)
    for i, price in enumerate((MARK - 10, MARK, MARK + 10)):
        report(world, f"signer {i}", signer=i, price_ticks=price)

    def best(machine: Machine) -> None:
        add(machine.state.prices, 0, PRICE_INDEX_TICKS, 10)

    lie = LieAt(phase=Phase.COMMIT_MEDIAN, record=newest(world), tamper=afterwards(best))
    assert refuted(world, lie) is Phase.COMMIT_MEDIAN


def test_O28_a_report_older_than_its_signers_newest_is_refuted() -> None:
    """The operator sends a report that its signer has replaced. The signer's newest time is in the cell and never falls."""
    world = exchange()
    world.later(3_000)
    world.report(0, MARK)
    assert report(world, "signer 0", ahead_ms=-2_000) is Outcome.OLD_REPORT
    tamper = pretending(lambda m: m.state.oracles, 0, ORACLE_TIMES_MS, 0)
    assert refuted(world, LieAt(phase=Phase.REPORT_PRICE, record=newest(world), tamper=tamper)) is Phase.REPORT_PRICE


def test_O28_a_report_of_a_future_time_is_refuted() -> None:
    """The operator takes a report that is ahead of the clock. Its time is bounded by the clock."""
    world = exchange()
    later = world.state.registers.clock_ms + 5_001
    assert report(world, "signer 0", ahead_ms=5_001) is Outcome.STALE_REPORT
    lie = LieAt(phase=Phase.REPORT_PRICE, record=newest(world), tamper=pretending_register("clock_ms", later))
    assert refuted(world, lie) is Phase.REPORT_PRICE


@pytest.mark.parametrize("data", [b"\x00", b"\x7f\xc0", b"\xff" * 300])
def test_O31_treating_an_unknown_record_in_a_way_of_ones_own_is_refuted(data: bytes) -> None:
    """The operator publishes a kind nobody specified and gives it a meaning. It is UNKNOWN_RECORD, counted, and else
    nothing, in both languages.
    """
    world = exchange()
    assert world.send(data) is Outcome.UNKNOWN_RECORD

    def enrich(machine: Machine) -> None:
        add(machine.state.accounts, 3, ACCOUNT_CASH_UNITS, 1)

    lie = LieAt(phase=Phase.FETCH_RECORD, record=newest(world), tamper=afterwards(enrich))
    assert refuted(world, lie) is Phase.FETCH_RECORD


def test_O32_changing_a_markets_rules_is_refuted() -> None:
    """The operator lists a market a second time, with other fees. A listed market never changes (MARKET_EXISTS)."""
    world = exchange()
    assert world.list_by_record(0, taker_fee_ppm=900_000) is Outcome.MARKET_EXISTS
    tamper = pretending(lambda m: m.state.markets, 0, MARKET_STATUS, 0)
    assert refuted(world, LieAt(phase=Phase.LIST_MARKET, record=newest(world), tamper=tamper)) is Phase.LIST_MARKET


@pytest.mark.parametrize("step_ms", [-1, 600_001 + 60_000])
def test_O33_a_clock_backwards_or_far_ahead_is_refuted(step_ms: int) -> None:
    """The operator moves the clock where it likes. The step binds it to itself and to the batch's time, which the Inbox
    binds to L1's: see D-tests. A frozen clock is not a lie; the Inbox moves the batch's time, orders rest as signed.
    """
    world = exchange()
    wanted = world.state.registers.clock_ms + step_ms
    assert world.send(make("clock", clock_ms=wanted)) in (Outcome.CLOCK_BACKWARDS, Outcome.CLOCK_OUT_OF_BOUND)

    def move(machine: Machine) -> None:
        machine.state.registers.clock_ms = UnixMs(wanted)

    lie = LieAt(phase=Phase.SET_CLOCK, record=newest(world), tamper=afterwards(move))
    assert refuted(world, lie) is Phase.SET_CLOCK


def test_O34_executing_published_records_in_another_order_is_refuted() -> None:
    """The operator executes the second record first. Chunk and offset are registers, the accumulator chains the records.

    Publishing in another order than receipts say is no false state: it costs the bond behind them (test_promises.py).
    """
    world = exchange()
    world.order(1, 0, BUY, 990, 1)
    first = newest(world)
    world.order(2, 0, BUY, 990, 1)
    second = world.signed("order", "bob", account=2, nonce=0, price_ticks=990, lots=1)

    def swap(machine: Machine) -> None:
        engine.step(machine)
        registers = machine.state.registers
        registers.arg_account = AccountId(second.value("account"))

    lie = LieAt(phase=Phase.FETCH_RECORD, record=first, tamper=swap)
    assert refuted(world, lie) is Phase.FETCH_RECORD
