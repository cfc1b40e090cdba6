"""Agents: keys that trade for an account, but never withdraw."""

from __future__ import annotations

from typing import Annotated

import typer

from tallystick.connection import OPERATOR_URL, Json, Key, Password, Url
from tallystick.state.ordinals import UnixMs
from tallystick.trader.commands.trader_options import (
    AccountNumber,
    Sub,
    open_client,
    parse_address,
    print_answer,
    print_json,
)

NOBODY = "0x" + 40 * "0"
Slot = Annotated[int, typer.Argument(min=1, max=15, help="Which of the account's 15 agents.")]


def approve_agent(
    slot: Slot,
    address: Annotated[str, typer.Argument(help="The agent's address.")],
    scope: Annotated[str, typer.Option(help="What it may do: place, cancel or both.")] = "both",
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it ends: 8h, 30d, or 2030-01-31T12:00:00Z.")
    ] = None,
    expiry_ms: Annotated[int, typer.Option(min=0, help="The same as the exchange's clock; 0 for never.")] = 0,
    number: AccountNumber = None,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """Let a key trade for the account, but never withdraw. Approving a slot again changes scope and expiry.

    With `--scope place` it cannot cancel by trading either: on meeting an order of the account its own is cancelled, as
    with `--self-trade cancel-taker`, and it names no `--oco`. Example: `trader approve-agent 1
    0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed --scope cancel --expires 30d`; the agent then trades with
    `--account NUMBER --agent 1`.
    """
    from tallystick.errors import BadInput
    from tallystick.trader.wording import clock_ms, moment_ms, parse_scope

    if expires is not None and expiry_ms:
        raise BadInput("say when it ends once", hint="--expires or --expiry-ms")
    who, may = parse_address(address), parse_scope(scope)
    with open_client(operator, key_file, password_file, number, sub=sub) as client:
        ends = moment_ms(expires, clock_ms(client.info())) if expires is not None else UnixMs(expiry_ms)
        answer = client.approve_agent(slot, who, may, ends)
    print_answer(answer, as_json)


def revoke_agent(
    slot: Slot,
    number: AccountNumber = None,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """End what an agent may do, at once. Its orders stay, and those that wait for a mark still fire: `trader cancel-all`.

    Example: `trader revoke-agent 1`, then `trader cancel-all`, and place anew what you want to keep.
    """
    with open_client(operator, key_file, password_file, number, sub=sub) as client:
        answer = client.approve_agent(slot, NOBODY)
    print_answer(answer, as_json)


def list_agents(
    number: Annotated[int | None, typer.Argument(min=0, help="Account; the key's own if left out.")] = None,
    sub: Sub = 0,
    operator: Url = OPERATOR_URL,
    key_file: Key = None,
    password_file: Password = None,
    as_json: Json = False,
) -> None:
    """List the keys that may trade for an account."""
    from tallystick.drawing import show
    from tallystick.trader.show import agents_page

    with open_client(operator, key_file, password_file, number, sub=sub) as client:
        found = client.agents()
    print_json(found) if as_json else show(*agents_page(found))
