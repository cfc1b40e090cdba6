"""Bonds paid together: list the pools, join one for what the own replay bears out, leave with what is one's own."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tallystick.commands import App
from tallystick.connection import (
    DEPLOYMENT,
    L1_URLS,
    Json,
    Key,
    Password,
    Quorum,
    Record,
    Rpc,
    SignerAddress,
    SignerUrl,
)
from tallystick_challenger.disputes.dispute_cli import present, read_plans
from tallystick_challenger.disputes.sending import send, signer_of

app = App("challenger", help="Bonds paid together: list, join, leave.")

Name = Annotated[
    str, typer.Argument(metavar="POOL", help="The first digits of the pool's name; may be left out where one fits.")
]


@app.command("list")
def list_pools(
    deployment: Record = DEPLOYMENT,
    account: Annotated[str, typer.Option(help="An address: also print what it would be paid now.")] = "",
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    json_output: Json = False,
) -> None:
    """List the pools there are, what they lack, and what the own replay says of what they are for.

    What is due and has no pool yet is listed as well: whoever joins opens it.

    Example: tallystick challenger pool list --deployment deployment.json
    """
    from tallystick.party.bonds.bond_pools import read_pools
    from tallystick_challenger.disputes.dispute_facts import address_of
    from tallystick_challenger.disputes.pool_facts import list_facts, list_page

    planner, due = read_plans(deployment, rpc, quorum)
    me = address_of(account) if account else b""
    pools = read_pools(planner.client, planner.deployment, planner.head, me)
    present(list_facts(planner, due, pools), list_page, json_output)


@app.command()
def join(
    deployment: Record = DEPLOYMENT,
    pool: Name = "",
    ether: Annotated[str, typer.Option(help="How much to put in, 1.5 say; by default all that is missing.")] = "",
    key_file: Key = None,
    password_file: Password = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    json_output: Json = False,
) -> None:
    """Put ether behind a call that is due by the own replay, and then make the call if the sum is there.

    Nothing else can be joined: the bond behind a lie is lost. Until the call is made everything can be had back.

    Example: tallystick challenger pool join 3fa9 --ether 4 --deployment deployment.json --key-file my.key
    """
    from tallystick.errors import BadInput, L1Reverted
    from tallystick.numbers import wei_of
    from tallystick.party.bonds.bond_pools import joining, making, read_pools
    from tallystick_challenger.disputes.pool_facts import choose_due, sent_page

    signer = signer_of(key_file, password_file, signer_url, signer_address)
    if signer is None:
        raise BadInput("joining is a transaction and needs a key", hint="--key-file or --signer-url")
    planner, plans = read_plans(deployment, rpc, quorum)
    known = {each.id: each for each in read_pools(planner.client, planner.deployment, planner.head)}
    id_, due = choose_due(planner, plans, known, pool)
    found = known.get(id_)
    value_wei = wei_of(ether) if ether else found.missing_wei if found else due.call.value_wei
    facts: dict[str, Any] = {}
    if value_wei:
        first = joining(due, planner.rollup, planner.deployment, value_wei)
        facts = send(planner.client, planner.deployment, first.contract, first.call, signer)
    contract = planner.client.contract("BondPool", planner.deployment.addresses.bond_pool)
    is_made = False
    if contract.call("pool", id_)["stakesWei"] >= due.call.value_wei:
        second = making(due, id_)
        try:
            facts = send(planner.client, planner.deployment, second.contract, second.call, signer)
            is_made = True
        except L1Reverted as error:  # somebody left in front of it, or made it
            if not value_wei:
                raise
            facts["not_made"] = error.message
    facts |= {"pool": "0x" + id_.hex(), "joined_wei": str(value_wei), "made": is_made}
    present(facts, sent_page, json_output)


@app.command()
def leave(
    deployment: Record = DEPLOYMENT,
    pool: Name = "",
    key_file: Key = None,
    password_file: Password = None,
    signer_url: SignerUrl = None,
    signer_address: SignerAddress = "",
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
    json_output: Json = False,
) -> None:
    """Fetch what is one's own: everything before the call is made, and then a part of what is there.

    A bond that L1 has freed is taken home first, for all.

    Example: tallystick challenger pool leave 3fa9 --deployment deployment.json --key-file my.key
    """
    from tallystick.errors import BadInput, DataMissing
    from tallystick.party.bonds.bond_pools import homecoming, read_pools
    from tallystick.party.strategy.moves import Call
    from tallystick_challenger.disputes.dispute_facts import address_of
    from tallystick_challenger.disputes.pool_facts import choose_pool, sent_page

    signer = signer_of(key_file, password_file, signer_url, signer_address)
    if signer is None:
        raise BadInput("leaving is a transaction and needs a key", hint="--key-file or --signer-url")
    planner, _ = read_plans(deployment, rpc, quorum)
    me = address_of(signer.address)
    found = choose_pool(read_pools(planner.client, planner.deployment, planner.head, me), pool)
    for due in homecoming([found], planner.rollup, planner.challenge):
        send(planner.client, planner.deployment, due.contract, due.call, signer)
    contract = planner.client.contract("BondPool", planner.deployment.addresses.bond_pool)
    due_wei = contract.call("dueWei", found.id, "0x" + me.hex())
    if not due_wei:
        raise DataMissing("there is nothing to fetch for this key now", hint="the bond may still be out", pool=found.id)
    call = Call(key=f"quit/{found.id.hex()}", function="quit", arguments=(found.id,))
    facts = send(planner.client, planner.deployment, "BondPool", call, signer)
    present(facts | {"pool": "0x" + found.id.hex(), "paid_wei": str(due_wei)}, sent_page, json_output)
