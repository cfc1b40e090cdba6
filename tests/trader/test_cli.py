"""The trader's commands against a real operator on the embedded L1, from mint to claim."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.errors import REJECTED, BadInput, ConfigError, DataMissing, TallystickError
from tallystick.testing.l1_stage import account
from tallystick.testing.world import address
from tallystick.trader.cli import app
from tallystick.transport import OperatorRefused, OperatorUnreachable
from tests.trader.conftest import Shell


def test_a_trader_goes_from_order_to_claim(shell: Shell) -> None:
    assert "5 lots rest" in shell.run("alice", "order", "0", "sell", "5", "618010", "--client-id", "7")
    assert "618010" in shell.run("", "book", "0")
    assert "filled 2 lots at 618010 with account 1" in shell.run("bob", "order", "0", "buy", "2", "618010")
    assert shell.json("", "trades", "0")[0]["lots"] == 2
    assert shell.json("alice", "account")["positions"][0]["size_lots"] == -2
    assert "accepted" in shell.run("alice", "cancel", "7")
    assert not shell.json("alice", "account")["orders"]
    assert shell.json("alice", "withdraw", "12.5")["withdrawal"] == 0

    def claimable() -> bool:
        return bool(shell.json("alice", "withdrawals")[0]["status"] == "claimable")

    shell.scene.wait(claimable, "the withdrawal", mine=20)
    assert "paid 12.500000" in shell.run("alice", "claim", "0")
    stage = shell.scene.stage
    assert stage.call("TestToken", "balanceOf", account("alice").address) == 999_999_500_000 + 12_500_000
    shell.scene.wait(lambda: "claimed" in shell.run("alice", "withdrawals"), "the Vault's event")


def test_a_withdrawal_is_claimed_without_the_operator(shell: Shell) -> None:
    shell.run("bob", "withdraw", "1", "--to", "0x" + address("agent").hex())
    index = shell.json("bob", "withdrawals")[0]["index"]

    def claimed() -> Any:
        try:
            return shell.json("agent", "claim", str(index), "--from-l1")
        except DataMissing:
            return None

    facts = shell.scene.wait(claimed, "the withdrawal", mine=20)
    assert facts["recipient"] == "0x" + address("agent").hex()
    assert shell.scene.stage.call("TestToken", "balanceOf", account("agent").address) == 1_000_000


def test_what_the_owner_forces_through_l1_is_done(shell: Shell) -> None:
    shell.run("bob", "order", "0", "buy", "1", "600000", "--client-id", "55")
    assert "queued" in shell.run("bob", "force-cancel")
    assert "queued" in shell.run("bob", "force-withdraw", "3")

    def done() -> bool:
        withdrawn = [each["amount_units"] for each in shell.json("bob", "withdrawals")]
        return 3_000_000 in withdrawn and all(order["dead"] for order in shell.json("bob", "account")["orders"])

    shell.scene.wait(done, "the forced messages")


def test_a_trader_moves_cash_to_a_sub_account_and_trades_there_in_bulk(shell: Shell) -> None:
    main = shell.json("alice", "account")["account"]
    sub = str((1 << 28) + main)
    assert f"to account {sub}" in shell.run("alice", "transfer", "1", "250")
    said = shell.run("alice", "bulk", "place:0:buy:1:600000:21", "place:0:buy:1:600001:22", "--account", sub)
    assert said.count("accepted, 0 lots filled, 1 rest") == 2
    moved = shell.json("alice", "bulk", "cancel:21", "replace:0:buy:2:600002:22", "cancel:9", "--account", sub)
    assert [item["outcome"] for item in moved["items"]] == ["ACCEPTED", "ACCEPTED", "NO_SUCH_ORDER"]
    orders = shell.json("alice", "account", sub)["orders"]
    assert [(order["client_id"], order["remaining_lots"]) for order in orders] == [(22, 2)]
    shell.run("alice", "bulk", "cancel:22", "--account", sub)
    shell.run("alice", "transfer", "main", "250", "--account", sub)
    assert shell.json("alice", "account", sub)["cash_units"] == 0
    for words in (["transfer", "fund:0", "1"], ["transfer", "fund:63", "1"], ["transfer", "treasury", "1"]):
        assert "accepted" in shell.run("alice", *words)
    for words in (
        ["transfer", "fund", "1"],
        ["transfer", "fund:64", "1"],
        ["transfer", "16", "1"],
        ["bulk", "place:0:buy:1"],
        ["bulk", "cancel:x"],
    ):
        with pytest.raises(BadInput):
            shell.run("alice", *words)


def test_governance_lists_a_market_and_signers_report_its_price(shell: Shell) -> None:
    listing = (
        "list-market",
        "3",
        "--multiplier",
        "50",
        "--initial",
        "10",
        "--maintenance",
        "4.5",
        "--rule",
        "rebate_ppm=30",
    )
    assert "accepted" in shell.run("governance", *listing)
    assert "answered before" in shell.run("governance", *listing)
    keys = [shell.scene.folder / f"signer {i}.key" for i in range(3)]
    alone = shell.run("", "report-price", "3", "700", "--key-file", str(keys[0]))
    assert "when 3 signers have reported" in alone
    others = ["--key-file", str(keys[1]), "--key-file", str(keys[2])]
    answers = shell.json("", "report-price", "3", "702", *others)
    assert [each["outcome"] for each in answers] == ["ACCEPTED", "ACCEPTED"]
    market = next(each for each in shell.json("", "markets") if each["market"] == 3)
    assert (market["mark_ticks"], market["initial_ppm"], market["maintenance_ppm"]) == (702, 100_000, 45_000)
    assert (market["kind"], market["rules"]["rebate_ppm"], market["rules"]["band_ppm"]) == (0, 30, 12_500)
    assert market["status"] == "listed"
    assert "listed, live 20" in shell.run("", "markets")
    assert "not live" in shell.run("alice", "order", "3", "buy", "1", "700", exit_code=REJECTED)
    several = shell.run("", "report-price", "3", "702", "9", "1", "--key-file", str(keys[0]), exit_code=REJECTED)
    rows = [line.split(maxsplit=2) for line in several.splitlines()[1:3]]
    assert [row[:2] for row in rows] == [["0", "3"], ["0", "9"]]
    assert rows[1][2] == "no market"


def test_nobody_else_lists_markets_or_reports_prices(shell: Shell) -> None:
    with pytest.raises(BadInput, match="only governance"):
        shell.run("alice", "list-market", "4", "--multiplier", "1")
    with pytest.raises(BadInput, match="no rule"):
        shell.run("governance", "list-market", "4", "--multiplier", "1", "--rule", "nonsense=1")
    with pytest.raises(BadInput, match="no price signer"):
        shell.run("", "report-price", "0", "1", "--key-file", str(shell.scene.folder / "alice.key"))
    for words in (["--every", "soon"], ["--every", "0s"], ["0"], ["0", "2"], ["1"], ["64", "1"], ["1", "0"]):
        with pytest.raises(BadInput):
            shell.run("", "report-price", "0", "1", *words, "--key-file", str(shell.scene.folder / "signer 0.key"))


def test_an_agent_trades_but_never_withdraws(shell: Shell) -> None:
    shell.run("alice", "approve-agent", "3", "0x" + address("agent").hex())
    agent = ("--account", "1", "--agent", "3")
    assert "1 lot rests" in shell.run("agent", "order", "0", "buy", "1", "600000", "--client-id", "9", *agent)
    assert "accepted" in shell.run("agent", "cancel", "9", *agent)
    with pytest.raises(OperatorRefused):
        shell.run("agent", "withdraw", "1")
    with pytest.raises(BadInput):
        shell.run("agent", "cancel", "9", "--agent", "3")


def test_a_rejected_record_ends_in_a_nonzero_exit(shell: Shell) -> None:
    assert "too large" in shell.run("alice", "order", "0", "buy", "9000000", "600000", exit_code=REJECTED)
    assert "unfilled" in shell.run("alice", "order", "0", "buy", "1", "100", "--ioc", exit_code=REJECTED)


@pytest.mark.parametrize("amount", ["0", "-1", "1e-7", "0.0000001", "NaN", "Infinity", "ten", "", "99999999999999"])
def test_an_amount_that_is_none_is_refused(shell: Shell, amount: str) -> None:
    with pytest.raises(BadInput):
        shell.run("alice", "withdraw", "--", amount)


@pytest.mark.parametrize(
    ("who", "arguments", "error"),
    [
        ("", ["order", "0", "buy", "1", "600000"], BadInput),
        ("", ["deposit", "1"], ConfigError),
        ("alice", ["order", "0", "hold", "1", "600000"], BadInput),
        ("alice", ["cancel", "987"], OperatorRefused),
        ("alice", ["book", "9"], OperatorRefused),
        ("alice", ["approve-agent", "3", "0x12"], BadInput),
        ("alice", ["withdraw", "1", "--to", "nowhere"], BadInput),
        ("alice", ["claim", "999"], DataMissing),
        ("alice", ["claim", "999", "--from-l1"], DataMissing),
        ("alice", ["deposit", "99999999"], BadInput),
        ("alice", ["mint", "1", "--deployment", "nowhere.json"], ConfigError),
        ("alice", ["account", "--key-file", "nowhere.key"], ConfigError),
        ("alice", ["account", "--operator", "http://127.0.0.1:9"], OperatorUnreachable),
        ("alice", ["account", "--operator", "nonsense"], BadInput),
    ],
)
def test_a_command_that_cannot_work_says_why(
    shell: Shell, who: str, arguments: list[str], error: type[TallystickError]
) -> None:
    with pytest.raises(error) as caught:
        shell.run(who, *arguments)
    assert caught.value.message
    assert caught.value.exit_code != 0


def test_help_teaches_with_examples() -> None:
    text = CliRunner().invoke(app, ["--help"]).output
    assert "trader order 0 buy 5 617990" in text


def test_the_ladder_shows_asks_above_bids(shell: Shell) -> None:
    shell.run("alice", "order", "0", "sell", "4", "618900")
    shell.run("bob", "order", "0", "buy", "8", "617000")
    lines = shell.run("", "book", "0").splitlines()
    places = [next(at for at, line in enumerate(lines) if text in line) for text in ("618900", "mark", "617000")]
    assert places == sorted(places)
