"""Run a development L1, deploy the contracts, look at a deployment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tallystick.commands import App
from tallystick.connection import (
    DEPLOYMENT,
    L1_URLS,
    Json,
    Key,
    Password,
    Quorum,
    Rpc,
    client_of,
    only_client,
    sending_client,
)

app = App("l1")

DEPLOY_EPILOG = """The file, at its shortest:

\b
[contracts]
sequencer = "0x…"          # the address whose key posts batches
[genesis]
governance = "0x…"         # the address whose key lists markets
quorum = 3                 # so many price signers make a price: 3 at least, and more than half
signers = ["0x…", "0x…", "0x…"]
[[genesis.markets]]        # a market that trades at once; once for each
market = 0
multiplier = 100           # units that one lot moves by when the price moves a tick

[contracts] also takes token (the test token if left out), atoms_per_unit (a unit is a millionth of a token if left
out), and the delays, bounds and bonds of docs/runbooks/local.md. Terms that do not go together are refused with the
reason. `tallystick l1 new-key` makes keys and prints addresses.
"""


@app.command()
def dev(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on the loopback interface; 0 takes a free one.")
    ] = 8545,
    block_time: Annotated[
        float, typer.Option(min=0, max=86_400, help="Seconds between blocks; 0 mines each transaction at once.")
    ] = 0.0,
    accounts: Annotated[int, typer.Option(min=1, max=1000, help="Funded accounts.")] = 10,
    chain_id: Annotated[int, typer.Option(min=1, help="Chain id.")] = 31337,
    json_output: Json = False,
) -> None:
    """Run a development chain in memory until it is interrupted."""
    import json

    from tallystick.cli import until_interrupted
    from tallystick.drawing import show, table
    from tallystick.errors import ConfigError
    from tallystick.l1.dev.dev_server import DevServer, ServerConfig

    stop = until_interrupted()
    config = ServerConfig(port=port, block_seconds=block_time, accounts=accounts, chain_id=chain_id)
    try:
        server = DevServer(config)
    except OSError as error:
        raise ConfigError("cannot listen on that port", hint="--port 0 takes a free one", port=port) from error
    with server:
        keys = [(account.address, "0x" + bytes(account.key).hex()) for account in server.accounts]
        if json_output:
            ready = {
                "url": server.url,
                "chainId": chain_id,
                "accounts": [{"address": address, "key": key} for address, key in keys],
            }
            print(json.dumps(ready), flush=True)
        else:
            print(f"L1 for development at {server.url} (chain id {chain_id})\n")
            print("Accounts with 10,000 ETH each. Their keys are known to everybody:")
            show(table(["", ""], keys, indent=2))
            mode = f"A block every {block_time} s." if block_time else "Each transaction is mined at once."
            print(f"\n{mode} Stop with Ctrl-C.", flush=True)
        stop.wait()


@app.command()
def new_key(
    paths: Annotated[list[Path], typer.Argument(help="Files to make, one for each key.")],
    password_file: Annotated[
        Path | None,
        typer.Option("--password-file", help="Encrypt them, as keystores, with the password in this file."),
    ] = None,
) -> None:
    """Make private keys, in files that only you can read, and print their addresses."""
    from eth_account import Account

    from tallystick.l1.sending.keys import save_key, save_keystore

    for path in paths:
        account = Account.create()
        if password_file is None:
            save_key(account, path)
        else:
            save_keystore(account, path, password_file)
        print(f"{account.address}  {path}")


@app.command()
def address(
    key_file: Annotated[Path, typer.Argument(help="A key, hex or keystore.")],
    password_file: Password = None,
) -> None:
    """Print a key's address, and nothing else."""
    from tallystick.l1.sending.keys import KeyFile, load_account

    print(load_account(KeyFile(path=key_file, password_path=password_file)).address)


@app.command(epilog=DEPLOY_EPILOG)
def deploy(
    config_path: Annotated[
        Path,
        typer.Option("--terms", "--config", exists=True, dir_okay=False, help="TOML: [contracts] and [genesis]."),
    ],
    out: Annotated[Path, typer.Option(help="Where to write the deployment record.")] = DEPLOYMENT,
    rpc: Rpc = L1_URLS,
    key_file: Key = None,
    password_file: Password = None,
) -> None:
    """Deploy the contracts and write the record every node needs.

    One that was broken off goes on where it was when the same command is given again: what it needs for that stands
    beside the record, in a file that ends in .unfinished, until the record is written.
    """
    from tallystick.deploy.deploy import deploy_from_file
    from tallystick.deploy.unfinished import plan_path
    from tallystick.errors import BadInput, ConfigError
    from tallystick.l1.sending.keys import KeyFile, load_account

    if out.exists():
        raise BadInput("the record exists and is left alone", hint="give --out another name", path=str(out))
    if not out.parent.is_dir():
        raise BadInput(
            "the record cannot be written there: there is no such folder", hint="make it, or give --out", path=str(out)
        )
    if key_file is None:
        raise ConfigError("deploying needs a key", hint="--key-file FILE, or TALLYSTICK_KEY_FILE")
    account = load_account(KeyFile(path=key_file, password_path=password_file))
    record = deploy_from_file(
        sending_client(rpc),
        account,
        config_path,
        unfinished=plan_path(out),
        progress=lambda name, address: print(f"{name:<24} 0x{address.hex()}"),
        warn=lambda doubt: print(f"warning: {doubt}", file=sys.stderr),
    )
    try:
        record.save(out)
    except OSError as error:
        raise ConfigError(
            "the contracts are deployed, and their record cannot be written",
            hint="mend that and give the same command again: it deploys nothing twice",
            path=str(out),
            reason=error.strerror,
        ) from error
    plan_path(out).unlink()
    print(f"wrote {out}")


@app.command()
def check(
    record: Annotated[Path, typer.Argument(help="A deployment record.")] = DEPLOYMENT,
    rpc: Rpc = L1_URLS,
    quorum: Quorum = 0,
) -> None:
    """Compare the code on chain with the record and with this version's contracts."""
    from tallystick.deploy.deploy import check_deployment
    from tallystick.l1.deployment import load_deployment

    deployment = load_deployment(record)
    check_deployment(client_of(rpc, quorum), deployment)
    print(f"{len(deployment.addresses.all())} contracts are what they should be")


@app.command()
def fund(
    address: Annotated[str, typer.Argument(help="Who gets it.")],
    ether: Annotated[float, typer.Argument(min=0, max=10**12, help="How much.")] = 100.0,
    rpc: Rpc = L1_URLS,
) -> None:
    """Send ether from the development chain's faucet."""
    transaction = only_client(rpc).request("tallystick_fund", address, hex(int(ether * 10**18)))
    print(transaction)


@app.command()
def mine(
    blocks: Annotated[int, typer.Argument(min=1, help="How many blocks.")] = 1,
    seconds: Annotated[int, typer.Option(min=1, help="Seconds between them.")] = 1,
    rpc: Rpc = L1_URLS,
) -> None:
    """Mine blocks on the development chain."""
    client = only_client(rpc)
    client.request("anvil_mine", hex(blocks), hex(seconds))
    print(client.head().number)
