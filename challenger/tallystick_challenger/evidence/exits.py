"""What an account needs to leave without the operator: its proof, its claims, and what it can force. From L1 alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tallystick.amounts import SIDES, tokens
from tallystick.drawing import Page
from tallystick.errors import BadInput, DataMissing, Disputed
from tallystick.machine.liveness import is_dead
from tallystick.machine.machine import Machine
from tallystick.machine.market.instrument import exposure_of, worth_of
from tallystick.machine.market.risk import health, withdrawable
from tallystick.numbers import NATURAL
from tallystick.party.party import Party
from tallystick.rollup.claims import claim_arguments, claim_under
from tallystick.rollup.replay import run_out
from tallystick.state.cells import (
    Account,
    account_cash_units,
    account_owner,
    account_position_cost_units,
    account_position_market,
    account_position_size_lots,
    market_status,
    order_account,
    order_client_id,
    order_market,
    order_price_ticks,
    order_remaining_lots,
    order_side,
    order_trigger_ticks,
    outbox_account,
    outbox_amount_units,
    outbox_recipient,
    risk_market_mark_ticks,
)
from tallystick.state.hashing import keccak
from tallystick.state.layout import LEAN_MARKED, LEAN_WORST, MARKET_SETTLED, MAX_POSITIONS, TAG_ACCOUNT
from tallystick.state.ordinals import AccountId, BatchNumber
from tallystick.state.state import State, cell_key

EVERYTHING_UNITS: Final = (1 << 64) - 1
MOST_TICKS: Final = (1 << 24) - 1
SLIPPAGE_PERCENT: Final = 5
"""How far from the mark a suggested close may trade; nothing is closed at a worse price."""
ADDRESS_DIGITS: Final = 42


def account_of(party: Party, name: str) -> AccountId:
    """Return the account of a number or of an owner's address.

    Raises: BadInput when it is neither, or the address has no account.
    """
    if NATURAL.fullmatch(name):
        return AccountId(int(name))
    if not (name.startswith("0x") and len(name) == ADDRESS_DIGITS):
        raise BadInput("an account is a number, or its owner's address", account=name)
    try:
        owner = bytes.fromhex(name[2:])
    except ValueError as error:
        raise BadInput("this is no address", account=name) from error
    found = int(_ask(party, "Vault", "accountOf", owner))
    if found == 0:
        raise BadInput("the Vault knows no account of this owner", owner=name)
    return AccountId(found)


def exit_facts(party: Party, account: AccountId) -> dict[str, Any]:
    """Return everything an account needs to leave.

    Raises: Disputed when L1 has confirmed what the replay refutes; DataMissing when no batch has the account yet.
    """
    confirmed, newest = confirmed_state(party), newest_state(party)
    if not newest.accounts.is_known(account) or not any(_owner(newest, account)):
        raise DataMissing(
            "no batch on L1 knows this account yet",
            hint="a deposit is taken in by the next batch, at the latest after the force delay",
            account=account,
        )
    latest = party.rollup.assertions[party.rollup.latest_confirmed]
    key = cell_key(TAG_ACCOUNT, account)
    return {
        "account": account,
        "owner": "0x" + _owner(newest, account).hex(),
        "head": party.head,
        "proof": {
            "assertion": "0x" + latest.id.hex(),
            "batches": latest.limit,
            "state_root": "0x" + confirmed.commit().hex(),
            "registers_hash": "0x" + keccak(confirmed.registers.pack()).hex(),
            "key": key,
            "cell": "0x" + _packed(confirmed, account).hex(),
            "proof": "0x" + confirmed.tree.proof(key).hex(),
        },
        "confirmed": _holdings(confirmed, account),
        "newest": _holdings(newest, account) | {"batches": party.inbox.batch_count},
        "withdrawals": list(_withdrawals(party, confirmed, newest, account)),
        "force": list(_forced(party, newest, account)),
        "force_delay_seconds": party.deployment.config.force_delay_seconds,
        "anybody_may_post_at": int(_ask(party, "Inbox", "takeoverAt")),
        "now": party.client.head().timestamp,
        "challenge_period_blocks": party.deployment.config.challenge_period_blocks,
    }


def confirmed_state(party: Party) -> State:
    """Return the state of the latest confirmed assertion, by replay.

    Raises: Disputed when L1 has confirmed another one than the replay gives.
    """
    replayer, rollup = party.replayer, party.rollup
    if replayer is None:
        raise DataMissing("the contracts have no genesis yet")
    path = [rollup.assertions[rollup.latest_confirmed]]
    while path[-1].id != rollup.genesis_id:
        path.append(rollup.assertions[path[-1].parent])
    for child, parent in zip(path[-2::-1], path[:0:-1], strict=True):
        expected = replayer.expected(parent)
        if expected is None or expected.id != child.id:
            raise Disputed("L1 has confirmed an assertion that the replay refutes", assertion=child.id)
        replayer.forget(rollup)
    return replayer.state(rollup.latest_confirmed)


def newest_state(party: Party) -> State:
    """Return the state after every batch on L1, asserted or not."""
    machine = Machine(confirmed_state(party).copy(), party.inbox.limited(BatchNumber(party.inbox.batch_count)))
    run_out(machine)
    return machine.state


def exit_page(facts: dict[str, Any]) -> Page:
    """Return the same for a terminal."""
    proof, newest = facts["proof"], facts["newest"]
    money = (
        f"   cash {tokens(newest['cash_units'])}, value {tokens(newest['value_units'])}, "
        f"may leave now {tokens(newest['withdrawable_units'])}, not before its positions are closed {tokens(newest['gain_units'])}"
    )
    page: Page = [
        f"Account {facts['account']} of {facts['owner']}, L1 at block {facts['head']}",
        "",
        f"Proof under the last confirmed assertion {proof['assertion']}, of the batches below {proof['batches']}",
        f"   state root      {proof['state_root']}",
        f"   registers hash  {proof['registers_hash']}",
        f"   cell {proof['key']}  {proof['cell']}",
        f"   proof           {proof['proof']}",
        f"   cash {tokens(facts['confirmed']['cash_units'])}, value {tokens(facts['confirmed']['value_units'])}",
        "",
        f"After all {newest['batches']} batches on L1",
        money,
    ]
    for each in newest["positions"]:
        settled = ", settled" if each["settled"] else ""
        page.append(f"   market {each['market']}: {each['size_lots']:+} lots, mark {each['mark_ticks']}{settled}")
    for each in newest["orders"]:
        rest = f"{SIDES[each['side']]} {each['remaining_lots']} at {each['price_ticks']}"
        waits = f", once the mark reaches {each['trigger_ticks']}" if each["trigger_ticks"] else ""
        page.append(f"   order {each['client_id']} in market {each['market']}: {rest}{waits}")
    page += ["", "Withdrawals"]
    for each in facts["withdrawals"]:
        page.append(f"   {each['index']} {tokens(each['amount_units'])} to {each['recipient']}  {each['status']}")
        page += [f"      claim: to {each['call']['to']} data {each['call']['data']}"] if each["call"] else []
    page += [] if facts["withdrawals"] else ["   none"]
    page += ["", "What the owner can force, in this order, from its own address"]
    for each in facts["force"]:
        page.append(f"   {each['what']}")
        page.append(f"      {each['function']}: to {each['call']['to']} data {each['call']['data']}")
    wait = max(0, facts["anybody_may_post_at"] - facts["now"])
    page += [
        "",
        f"A batch must take in what is {facts['force_delay_seconds']} seconds old; anybody may post one "
        + ("now" if wait == 0 else f"in {wait} seconds, unless the operator does before"),
        f"and assert what follows; after {facts['challenge_period_blocks']} blocks it is confirmed, and can be claimed.",
    ]
    return page


def _holdings(state: State, account: AccountId) -> dict[str, Any]:
    base = state.accounts.find(account)
    if base is None:
        names = ("cash_units", "value_units", "gain_units", "withdrawable_units")
        return {**dict.fromkeys(names, 0), "positions": [], "orders": []}
    risk = state.risk.open(0)
    measured = health(state, base, risk, LEAN_MARKED)
    worst = health(state, base, risk, LEAN_WORST)
    return {
        "cash_units": account_cash_units(state.accounts.words, base),
        "value_units": measured.value_units,
        "gain_units": worst.gain_units,
        "withdrawable_units": withdrawable(state, worst),
        "positions": list(_positions(state, base)),
        "orders": list(_orders(state, account)),
    }


def _positions(state: State, base: Account) -> Iterator[dict[str, Any]]:
    words = state.accounts.words
    marks, risk = state.risk.words, state.risk.known(0)
    for slot in range(MAX_POSITIONS):
        size = account_position_size_lots(words, base, slot)
        if size == 0:
            continue
        number = account_position_market(words, base, slot)
        status = market_status(state.markets.words, state.markets.known(number))
        yield {
            "market": number,
            "size_lots": size,
            "mark_ticks": risk_market_mark_ticks(marks, risk, number),
            "worth_units": worth_of(marks, risk, number, exposure_of(marks, risk, number, size), LEAN_MARKED),
            "cost_units": account_position_cost_units(words, base, slot),
            "settled": status == MARKET_SETTLED,
        }


def _orders(state: State, account: AccountId) -> Iterator[dict[str, Any]]:
    """Yield an account's living orders by their slots, those that wait for their trigger included."""
    owner = state.accounts.known(account)
    for slot in sorted(state.orders.indices()):
        words, order = state.orders.words, state.orders.known(slot)
        if order_account(words, order) != account or order_remaining_lots(words, order) == 0:
            continue
        if not is_dead(state, slot, order, owner):
            yield {
                "market": order_market(words, order),
                "side": order_side(words, order),
                "price_ticks": order_price_ticks(words, order),
                "remaining_lots": order_remaining_lots(words, order),
                "client_id": order_client_id(words, order),
                "trigger_ticks": order_trigger_ticks(words, order),
            }


def _withdrawals(party: Party, confirmed: State, newest: State, account: AccountId) -> Iterator[dict[str, Any]]:
    """Yield an account's withdrawals that are not paid yet: the confirmed ones with the call that claims them."""
    words = newest.outbox.words
    for index in range(newest.registers.outbox_count):
        base = newest.outbox.known(index)
        if outbox_account(words, base) != account or _ask(party, "Vault", "isClaimed", index):
            continue
        call: dict[str, str] | None = None
        if index < confirmed.registers.outbox_count:
            claim = claim_under(confirmed, party.rollup.latest_confirmed, index)
            call = _call(party, "Vault", "claim", *claim_arguments(claim))
        yield {
            "index": index,
            "amount_units": outbox_amount_units(words, base),
            "recipient": "0x" + outbox_recipient(words, base).hex(),
            "status": "can be claimed by anybody" if call else "waits for its assertion to be confirmed",
            "call": call,
        }


def _forced(party: Party, newest: State, account: AccountId) -> Iterator[dict[str, Any]]:
    """Yield the messages with which an owner leaves, in the order that makes sense."""
    yield {
        "what": "kill all orders placed so far",
        "function": "forceCancelAll",
        "call": _call(party, "Inbox", "forceCancelAll", account),
    }
    for each in _positions(newest, newest.accounts.known(account)):
        if each["settled"]:
            continue
        mark, sells = each["mark_ticks"], each["size_lots"] > 0
        bound = mark * (100 - SLIPPAGE_PERCENT) // 100 if sells else -(-mark * (100 + SLIPPAGE_PERCENT) // 100)
        bound = min(bound, MOST_TICKS)
        yield {
            "what": f"close {each['size_lots']:+} lots in market {each['market']} against the book, "
            f"at {bound} or {'more' if sells else 'less'}, {SLIPPAGE_PERCENT}% from the mark",
            "function": "forceClose",
            "call": _call(party, "Inbox", "forceClose", account, each["market"], bound, 0),
        }
    yield {
        "what": "withdraw all that may leave",
        "function": "forceWithdraw",
        "call": _call(party, "Inbox", "forceWithdraw", account, EVERYTHING_UNITS),
    }


def _packed(state: State, account: AccountId) -> bytes:
    return state.accounts.pack(account) if state.accounts.is_known(account) else b""


def _owner(state: State, account: AccountId) -> bytes:
    return account_owner(state.accounts.words, state.accounts.known(account))


def _call(party: Party, contract: str, function: str, *arguments: Any) -> dict[str, str]:
    to = party.deployment.addresses.all()[contract]
    return {
        "to": "0x" + to.hex(),
        "data": "0x" + party.client.contract(contract, to).encode(function, *arguments).hex(),
    }


def _ask(party: Party, contract: str, function: str, *arguments: Any) -> Any:
    to = party.deployment.addresses.all()[contract]
    return party.client.contract(contract, to).call(function, *arguments)
