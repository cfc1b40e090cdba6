"""What the trader's doors refuse before it costs anything, and what they let several threads do."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tallystick.amounts import to_units
from tallystick.errors import BadInput, DataMissing
from tallystick.l1.abi import ContractAbi
from tallystick.l1.client.access import Contract
from tallystick.l1.client.http_client import L1Client
from tallystick.l1.deployment import Addresses, DeployConfig, Deployment
from tallystick.l1.dev.dev_server import DevServer
from tallystick.ports.system import SystemClock
from tallystick.shapes.routes import INFO
from tallystick.state.layout import SELL
from tallystick.state.ordinals import BlockNumber, MarketId, UnixMs
from tallystick.testing.l1_stage import account
from tallystick.trader.client import TraderClient
from tallystick.trader.offers import to_text
from tallystick.trader.onchain import TraderL1
from tallystick.trader.wording import bound_ticks, moment_ms
from tallystick.transport import OperatorRefused, OperatorUnreachable, Transport
from tests.trader.conftest import Shell

THREADS = 4
TOKENS = json.loads((Path(__file__).parents[1] / "l1" / "Tokens.json").read_text())
NOBODY = bytes(20)


def spent_wei(shell: Shell, who: str) -> int:
    return shell.scene.stage.chain.balance_wei(bytes.fromhex(account(who).address[2:]))


def test_N05_a_client_used_by_several_threads_gives_each_record_its_own_nonce(shell: Shell) -> None:
    client = TraderClient(shell.running.operator.url, bytes(account("alice").key))
    begin = threading.Barrier(THREADS)

    def trade(thread: int) -> list[str]:
        begin.wait()
        outcomes = []
        for turn in range(5):
            client_id = 1_000 + 10 * thread + turn
            outcomes.append(client.order(MarketId(0), 0, 600_000, 1, client_id=client_id).outcome)
            outcomes.append(client.cancel(client_id).outcome)
        return outcomes

    with ThreadPoolExecutor(THREADS) as threads:
        told = [outcome for each in threads.map(trade, range(THREADS)) for outcome in each]
    client.close()
    assert told == ["ACCEPTED"] * (THREADS * 10)


def test_N05_nonces_under_way_are_not_given_out_again_after_a_refusal(shell: Shell) -> None:
    client = TraderClient(shell.running.operator.url, bytes(account("alice").key))
    under_way = client.signed("cancel_all", agent=0)
    used = client.signed("cancel_all", agent=0)
    client.send(used)
    with TraderClientElsewhere(shell) as other:
        other.cancel_all()
    client.next_nonce = used.value("nonce")
    with pytest.raises(OperatorRefused):
        client.cancel(99_999)
    fresh = client.signed("cancel_all", agent=0)
    assert fresh.value("nonce") > max(used.value("nonce"), under_way.value("nonce"))
    assert client.send(fresh).accepted and client.send(under_way).accepted
    client.close()


class TraderClientElsewhere:
    """A second client of the same key."""

    def __init__(self, shell: Shell) -> None:
        self.client = TraderClient(shell.running.operator.url, bytes(account("alice").key))

    def __enter__(self) -> TraderClient:
        return self.client

    def __exit__(self, *_: object) -> None:
        self.client.close()


def test_N06_closing_where_there_is_nothing_to_close_costs_nothing(shell: Shell) -> None:
    before = spent_wei(shell, "alice")
    for words, said in ((("force-close", "9", "1"), "no such market"), (("force-close", "0", "1"), "no position")):
        with pytest.raises(BadInput, match=said) as refused:
            shell.run("alice", *words)
        assert "--unchecked" in refused.value.hint
    assert spent_wei(shell, "alice") == before
    assert "queued" in shell.run("alice", "force-close", "0", "1", "--unchecked")
    assert "not checked" in shell.run("alice", "force-close", "0", "1", "--operator", "http://127.0.0.1:9")
    assert spent_wei(shell, "alice") < before


def test_N06_a_block_trade_in_no_market_costs_nothing(shell: Shell) -> None:
    """Whoever makes an offer is told at once; one that somebody else has made is not forced."""
    with pytest.raises(BadInput, match="no such market"):
        shell.run("alice", "block", "offer", "9", "sell", "1", "100", "--good-til", "never")
    client = TraderClient(shell.running.operator.url, bytes(account("alice").key))
    offer = to_text(client.offer(market=9, side=SELL, lots=1, price_ticks=100))
    client.close()
    trade = shell.scene.folder / "nowhere.txt"
    shell.run("bob", "block", "accept", offer, "--out", str(trade))
    before = spent_wei(shell, "bob")
    with pytest.raises(BadInput, match="no such market"):
        shell.run("bob", "block", "force", str(trade))
    assert spent_wei(shell, "bob") == before


@pytest.mark.parametrize("words", [["force-cancel"], ["force-withdraw", "1"], ["force-close", "0", "1"]])
def test_N06_a_key_without_an_account_forces_nothing(shell: Shell, words: list[str]) -> None:
    with pytest.raises(DataMissing, match="no account"):
        shell.run("governance", *words)


def test_N06_times_are_shown_as_people_write_them(shell: Shell) -> None:
    with pytest.raises(BadInput) as refused:
        shell.run("alice", "dead-man", "2001-01-01")
    assert str(refused.value.data["now"]).startswith("20") and str(refused.value.data["now"]).endswith("Z")
    shell.run("alice", "order", "0", "sell", "1", "618050")
    shell.run("bob", "order", "0", "buy", "1", "618050")
    assert shell.run("", "trades", "0").splitlines()[1][:2] == "20"


@pytest.mark.parametrize("text", ["5_000", "1e3", "1e999999999", "٥٠", "１２", "+5", " 5 ", "5.", "0x10", "1,5", "5$"])
def test_F11_amounts_prices_and_times_are_written_in_plain_digits(text: str) -> None:
    with pytest.raises(BadInput):
        to_units(text)
    with pytest.raises(BadInput):
        bound_ticks(618_000, 0, text)
    with pytest.raises(BadInput):
        moment_ms(text + "s", UnixMs(0))


def test_F11_an_amount_finer_than_a_unit_is_refused_however_long_it_is() -> None:
    with pytest.raises(BadInput):
        to_units("1." + "0" * 40 + "1")
    assert to_units("1." + "0" * 40) == 1_000_000
    assert to_units(".5") == 500_000


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "0001-01-01", "0001-01-01T00:00:00+23:59", "٢٠٣٠-01-01"])
def test_F11_a_time_at_the_end_of_all_calendars_is_no_traceback(time: str) -> None:
    try:
        assert moment_ms(time, UnixMs(1)) > 1
    except BadInput:
        assert time != "9999-12-31T23:59:59Z"


@pytest.mark.parametrize(
    "words",
    [
        "list-market 9 --multiplier 1 --rule max_lots=٥",
        "list-market 9 --multiplier 1 --rule max_lots=-5",
        "bulk place:0:buy:1:٥:1",
        "bulk place:0:buy:-1:5:1",
    ],
)
def test_F11_numbers_inside_words_are_read_as_strictly(shell: Shell, words: str) -> None:
    with pytest.raises(BadInput, match=r"not a whole number|not an item"):
        shell.run("governance", *words.split())


def test_F10_an_operators_url_is_shown_without_what_may_be_a_key() -> None:
    with (
        Transport("http://me:secret@127.0.0.1:9/secret?secret") as transport,
        pytest.raises(OperatorUnreachable) as lost,
    ):
        transport.ask(INFO)
    assert "secret" not in str(lost.value) + lost.value.hint and "http://127.0.0.1:9" in str(lost.value)
    for url in ("ftp://secret", "http://127.0.0.1:secret", "http://[secret"):
        with pytest.raises(BadInput) as refused:
            Transport(url)
        assert "secret" not in str(refused.value)


class Coins:
    """A token like USDT and a taker of deposits on a chain of their own."""

    def __init__(self, server: DevServer) -> None:
        self.client, self.holder = L1Client(server.url, clock=SystemClock()), server.accounts[0]
        self.token = self._created("Usdt")
        self.taker = self._created("Taker", self.token)
        places = dict.fromkeys(("inbox", "referee", "challenge", "rollup", "bond_pool", "receipts"), NOBODY)
        self.wallet = TraderL1(
            self.client,
            Deployment(
                chain_id=self.client.chain_id(),
                first_block=BlockNumber(0),
                addresses=Addresses(token=self.token, vault=self.taker, steps={}, **places),
                code_hashes={},
                genesis_state_hash=bytes(32),
                genesis=b"",
                config=DeployConfig(sequencer=NOBODY),
            ),
            self.holder,
            SystemClock(),
        )
        self.wallet.mint(1_000)

    def allowed(self) -> int:
        abi = ContractAbi("Usdt", TOKENS["Usdt"]["abi"])
        token = Contract(client=self.client, abi=abi, address=self.token)
        return int(token.call("allowance", self.holder.address, "0x" + self.taker.hex()))

    def _created(self, name: str, *arguments: Any) -> bytes:
        abi = ContractAbi(name, TOKENS[name]["abi"])
        data = bytes.fromhex(TOKENS[name]["bytecode"]) + (abi.encode_constructor(*arguments) if arguments else b"")
        nonce = self.client.nonce(bytes.fromhex(self.holder.address[2:]))
        signed = self.holder.sign_transaction(
            {
                "type": 2,
                "chainId": self.client.chain_id(),
                "nonce": nonce,
                "data": data,
                "value": 0,
                "gas": 2_000_000,
                "maxFeePerGas": 10**10,
                "maxPriorityFeePerGas": 10**9,
            }
        )
        receipt = self.client.receipt(self.client.send_raw(bytes(signed.raw_transaction)))
        assert receipt is not None and receipt.succeeded and receipt.contract_address is not None
        return receipt.contract_address


def test_F08_a_deposit_that_was_broken_off_does_not_lock_the_next_one() -> None:
    with DevServer() as server:
        coins = Coins(server)
        taker = "0x" + coins.taker.hex()
        coins.wallet._send("TestToken", "approve", taker, 40)  # and then the line broke
        assert coins.allowed() == 40
        assert coins.wallet.deposit(30).succeeded
        assert coins.allowed() == 10
        assert coins.wallet.deposit(500).succeeded
        assert coins.allowed() == 0
        assert coins.wallet.balance_atoms(coins.holder.address) == 470
