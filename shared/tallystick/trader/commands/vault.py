"""Money in and out: mint, deposit, withdraw and claim, and what L1 forces when the operator does not listen."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.connection import DEPLOYMENT, L1_URLS, OPERATOR_URL, Json, Key, Password, Record, Rpc, Url
from tallystick.trader.commands.trader_options import (
    AccountNumber,
    Market,
    Sub,
    Unchecked,
    check_market,
    open_client,
    open_wallet,
    parse_address,
    print_answer,
    print_json,
    print_receipt,
)

Amount = Annotated[str, typer.Argument(help="Tokens, with up to six decimals.")]


def mint(
    amount: Amount,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Mint test tokens to the key's address, where the deployment has a test token."""
    from tallystick.amounts import to_units, tokens

    units = to_units(amount)
    receipt = open_wallet(rpc, deployment, key_file, password_file).mint(units)
    print_receipt(receipt, f"minted {tokens(units)}", {"units": units}, as_json)


def deposit(
    amount: Amount,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Deposit tokens into the Vault; the first deposit opens the account."""
    from tallystick.amounts import to_units, tokens

    units = to_units(amount)
    wallet = open_wallet(rpc, deployment, key_file, password_file)
    receipt = wallet.deposit(units)
    number = wallet.account_number(wallet.account.address)
    text = f"deposited {tokens(units)} to account {number}"
    print_receipt(receipt, text, {"units": units, "account": number}, as_json)


def withdraw(
    amount: Amount,
    to: Annotated[str, typer.Option(help="L1 address to pay; the key's own if left out.")] = "",
    number: AccountNumber = None,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Ask for a withdrawal; claim it on L1 once it is confirmed. Example: `trader withdraw 250 --sub 1`."""
    from tallystick.amounts import to_units

    with open_client(operator, key_file, password_file, number, sub=sub) as client:
        answer = client.withdraw(to_units(amount), parse_address(to) if to else "")
    print_answer(answer, as_json)


def withdrawals(
    number: Annotated[int | None, typer.Argument(min=0, help="Account; the key's own if left out.")] = None,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """List an account's withdrawals and how far they are."""
    from tallystick.drawing import show
    from tallystick.trader.show import withdrawals_page

    with open_client(operator, key_file, password_file, number, sub=sub) as client:
        found = client.withdrawals()
    print_json(found) if as_json else show(*withdrawals_page(found))


def claim(
    index: Annotated[int, typer.Argument(min=0, help="The withdrawal's number.")],
    from_l1: Annotated[
        bool, typer.Option("--from-l1", help="Ask no operator: rebuild the proof from L1's data.")
    ] = False,
    number: AccountNumber = None,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Have the Vault pay a confirmed withdrawal; the proof is the operator's, or your own with --from-l1."""
    from tallystick.amounts import tokens
    from tallystick.errors import DataMissing
    from tallystick.rollup.claims import claim_from_l1
    from tallystick.trader.onchain import claim_from_operator

    wallet = open_wallet(rpc, deployment, key_file, password_file)
    if from_l1:
        found = claim_from_l1(wallet.client, wallet.deployment, index)
    else:
        with open_client(operator, key_file, password_file, number, sub=sub) as client:
            given = {each.index: each for each in client.withdrawals()}
        if index not in given:
            raise DataMissing("the account has no such withdrawal", hint="--from-l1 asks no operator", index=index)
        found = claim_from_operator(given[index])
    receipt = wallet.claim(found)
    facts = {"index": index, "units": found.amount_units, "recipient": "0x" + found.recipient.hex()}
    print_receipt(receipt, f"paid {tokens(found.amount_units)} to {facts['recipient']}", facts, as_json)


def force_withdraw(
    amount: Amount,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Withdraw through L1: no batch may leave it out once the force delay is over."""
    from tallystick.amounts import to_units, tokens

    units = to_units(amount)
    wallet = open_wallet(rpc, deployment, key_file, password_file)
    receipt = wallet.force_withdraw(wallet.own_number(), units)
    print_receipt(receipt, f"queued the withdrawal of {tokens(units)}", {"units": units}, as_json)


def force_cancel(
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Cancel all orders of the key's account through L1."""
    wallet = open_wallet(rpc, deployment, key_file, password_file)
    receipt = wallet.force_cancel_all(wallet.own_number())
    print_receipt(receipt, "queued the cancelling of all orders", {}, as_json)


def force_close(
    market: Market,
    price_ticks: Annotated[int, typer.Argument(min=0, max=(1 << 24) - 1, help="The worst price to take.")],
    lots: Annotated[int, typer.Option(min=0, max=(1 << 32) - 1, help="How much of it; 0: all.")] = 0,
    unchecked: Unchecked = False,
    operator: Url = OPERATOR_URL,
    rpc: Rpc = L1_URLS,
    deployment: Record = DEPLOYMENT,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Close a position of the key's account against the book through L1; what the book does not take is dropped."""
    wallet = open_wallet(rpc, deployment, key_file, password_file)
    account = wallet.own_number()
    if not unchecked:
        check_market(operator, market, account)
    receipt = wallet.force_close(account, market.market, price_ticks, lots)
    facts = {"market": market.market, "price_ticks": price_ticks, "lots": lots}
    print_receipt(receipt, f"queued the closing of the position in market {market.market}", facts, as_json)
