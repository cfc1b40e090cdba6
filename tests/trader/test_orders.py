"""The commands that place, cancel, follow and tidy orders, and those about agents and rules, against a real operator."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from tallystick.errors import REJECTED, BadInput, TallystickError
from tallystick.shapes.routes import INFO
from tallystick.testing.world import address
from tallystick.trader.cli import COMMANDS, app
from tallystick.transport import OperatorRefused
from tests.trader.conftest import Shell

SUB_1 = str((1 << 28) + 1)


def test_a_market_is_named_with_its_series_or_without(shell: Shell) -> None:
    assert "1 lot rests" in shell.run("bob", "order", "0.0", "buy", "1", "618009", "--client-id", "3")
    assert shell.run("", "book", "0.0") == shell.run("", "book", "0")
    shell.run("bob", "cancel", "3")
    with pytest.raises(BadInput, match="not the one that is listed"):
        shell.run("bob", "order", "0.1", "buy", "1", "618009")
    with pytest.raises(OperatorRefused, match="no such series"):
        shell.run("", "book", "0.1")
    assert shell.run("bob", "order", "0.x", "buy", "1", "618009", exit_code=2).count("5.1") == 1


def test_post_only_reduce_only_and_self_trade_do_what_they_say(shell: Shell) -> None:
    shell.run("alice", "order", "0", "sell", "3", "618010", "--client-id", "1")
    said = shell.run("bob", "order", "0", "buy", "1", "618010", "--post-only", exit_code=REJECTED)
    assert "would cross: a post-only order" in said
    assert "nothing to reduce" in shell.run(
        "bob", "order", "0", "sell", "1", "618500", "--reduce-only", exit_code=REJECTED
    )
    said = shell.run("alice", "order", "0", "buy", "1", "618010", "--self-trade", "cancel-taker", exit_code=REJECTED)
    assert "self trade" in said
    assert "1 lot rests" in shell.run("bob", "order", "0", "buy", "1", "618009", "--post-only", "--client-id", "2")
    shell.run("bob", "cancel-all")
    shell.run("alice", "cancel", "1")
    assert "cancelled, 0 filled" in shell.run("alice", "order-status", "1")


def test_a_market_order_fills_within_its_slippage(shell: Shell) -> None:
    shell.run("alice", "order", "0", "sell", "2", "618020", "--client-id", "11")
    shell.run("alice", "order", "0", "sell", "2", "625000", "--client-id", "12")
    said = shell.run("bob", "order", "0", "buy", "4", "--market", "--slippage", "0.5", "--client-id", "13")
    assert "filled 2 lots at 618020" in said
    assert "unfilled: nobody in the book takes it, or the rest of it" in said
    status = shell.json("bob", "order-status", "13")
    assert (status["status"], status["filled_lots"], status["price_ticks"]) == ("cancelled", 2, 621_090)
    assert "filled 1 lot at 625000" in shell.run("bob", "order", "0", "buy", "1", "--market")
    assert "filled 1 lot at 625000" in shell.run("bob", "order", "0", "buy", "1", "640000", "--market")
    fills = shell.json("bob", "fills", "--limit", "3")
    assert [(each["lots"], each["role"]) for each in fills] == [(1, "taker"), (1, "taker"), (2, "taker")]
    assert "taker of order 13, against account 1" in shell.run("bob", "fills")
    assert not shell.json("bob", "fills", "--after", str(fills[0]["sequence"]))


def test_a_bracket_waits_for_the_mark_and_one_of_it_cancels_the_other(shell: Shell) -> None:
    bracket = ("order", "0", "sell", "2", "--market", "--reduce-only")
    shell.run("alice", "order", "0", "sell", "2", "618000", "--client-id", "51")
    shell.run("bob", "order", "0", "buy", "2", "618000")
    assert "2 lots rest" in shell.run("bob", *bracket, "--take-profit", "640000", "--client-id", "52")
    shell.run("bob", *bracket, "--stop", "617000", "--client-id", "53", "--oco", "52")
    said = shell.run("bob", "account")
    assert "sell 2 at market, once the mark is 640000 or above, or order 53" in said
    assert "sell 2 at market, once the mark is 617000 or below, or order 52" in said
    assert shell.json("bob", "order-status", "52")["status"] == "waiting"
    already = shell.run("bob", *bracket, "--stop", "640000", exit_code=REJECTED)
    assert "already due: the mark is there already" in already
    with pytest.raises(OperatorRefused, match="no such order") as refused:
        shell.run("bob", *bracket, "--stop", "600000", "--oco", "99")
    assert refused.value.code == "no_such_order"
    with pytest.raises(BadInput, match="waits for one mark"):
        shell.run("bob", *bracket, "--stop", "600000", "--take-profit", "640000")
    shell.run("alice", "order", "0", "buy", "5", "616900", "--client-id", "54")
    shell.scene.pass_block(shell.running)
    shell.scene.report_prices(shell.running, 616_950)
    assert shell.json("bob", "order-status", "53")["status"] == "filled"
    assert all(order["dead"] for order in shell.json("bob", "account")["orders"] if order["client_id"] == 52)
    assert 52 not in {order["client_id"] for order in shell.cleaned("bob", 2)}
    shell.run("alice", "cancel", "54")


def test_an_order_ends_when_it_was_said_to(shell: Shell) -> None:
    shell.run("alice", "order", "0", "buy", "1", "610000", "--client-id", "31", "--good-til", "30d")
    order = next(each for each in shell.json("alice", "account")["orders"] if each["client_id"] == 31)
    now = shell.json("alice", "order-status", "31")["clock_ms"]
    assert abs(order["expiry_ms"] - now - 30 * 86_400_000) < 120_000
    said = shell.run("alice", "order", "0", "buy", "1", "610000", "--expiry-ms", "1", exit_code=REJECTED)
    assert "expired: its time was over" in said
    shell.run("alice", "cancel", "31")


def test_the_dead_man_switch_is_armed_shown_and_disarmed(shell: Shell) -> None:
    assert "accepted" in shell.run("alice", "dead-man", "8h")
    assert "dead-man switch goes off at 20" in shell.run("alice", "account")
    assert "accepted" in shell.run("alice", "dead-man", "off")
    assert "dead-man" not in shell.run("alice", "account")


def test_all_orders_are_cancelled_and_swept_up(shell: Shell) -> None:
    for at in range(3):
        shell.run("alice", "order", "0", "buy", "1", str(610_000 + at), "--client-id", str(40 + at))
    assert "no dead orders: nothing to do" in shell.run("", "clean", "1")
    with pytest.raises(BadInput, match="no order is in that slot"):
        shell.run("", "clean", "1", "--slot", "0")
    assert "accepted" in shell.run("alice", "cancel-all")
    assert all(each["dead"] for each in shell.json("alice", "account")["orders"])
    assert shell.cleaned("alice", 1) == []
    assert {each["status"] for each in shell.json("alice", "orders", "--limit", "3")} == {"cancelled"}


def test_the_orders_before_a_sequence_number_are_cancelled_and_the_others_rest(shell: Shell) -> None:
    for at in range(3):
        shell.run("alice", "order", "0", "buy", "1", str(610_000 + at), "--client-id", str(60 + at))
    second = shell.json("alice", "account")["orders"][1]
    assert f" {second['sequence']} " in shell.run("alice", "account")
    assert "accepted" in shell.run("alice", "cancel-all", "--before", str(second["sequence"]))
    assert {each["client_id"]: each["dead"] for each in shell.json("alice", "account")["orders"]}.get(60, True)
    assert [each["client_id"] for each in shell.cleaned("alice", 1)] == [61, 62]
    shell.run("alice", "cancel-all")
    shell.cleaned("alice", 1)


def test_a_sub_account_is_chosen_by_its_number(shell: Shell) -> None:
    shell.run("alice", "transfer", "1", "250")
    assert "1 lot rests" in shell.run("alice", "order", "0", "buy", "1", "600000", "--sub", "1", "--client-id", "5")
    assert shell.json("alice", "account", "--sub", "1")["account"] == int(SUB_1)
    assert shell.json("alice", "order-status", "5", "--sub", "1")["account"] == int(SUB_1)
    assert "accepted" in shell.run("alice", "cancel", "5", "--sub", "1")
    bulk = shell.json("alice", "bulk", "place:0:buy:1:600000:6:post-only+cancel-both", "--sub", "1")
    assert bulk["items"][0]["outcome"] == "ACCEPTED"
    shell.run("alice", "cancel-all", "--sub", "1")
    shell.run("alice", "transfer", "main", "250", "--sub", "1")
    assert shell.json("alice", "account", "--sub", "1")["cash_units"] == 0
    assert "margin: the account's value" in shell.run(
        "alice", "order", "0", "buy", "1", "600000", "--sub", "1", exit_code=REJECTED
    )


def test_agents_have_a_scope_and_an_end_and_are_revoked(shell: Shell) -> None:
    agent = "0x" + address("agent").hex()
    shell.run("alice", "approve-agent", "2", agent, "--scope", "cancel", "--expires", "30d")
    said = shell.run("alice", "list-agents")
    assert agent in said
    assert "may cancel, until 20" in said
    as_agent = ("--account", "1", "--agent", "2")
    with pytest.raises(OperatorRefused, match="may not do this"):
        shell.run("agent", "order", "0", "buy", "1", "600000", *as_agent)
    assert "accepted" in shell.run("agent", "cancel-all", *as_agent)
    shell.run("alice", "revoke-agent", "2")
    assert "no agents" in shell.run("alice", "list-agents")
    with pytest.raises(OperatorRefused):
        shell.run("agent", "cancel-all", *as_agent)


def test_the_feed_is_followed_and_numbered(shell: Shell) -> None:
    start = str(shell.running.http.ask(INFO).sequence)
    shell.run("alice", "order", "0", "buy", "1", "610000", "--client-id", "151")
    shell.run("alice", "cancel", "151")
    lines = shell.run("", "follow", "--after", start, "--account", "1", "--count", "3", "--json").splitlines()
    events: list[Any] = [json.loads(line) for line in lines]
    assert [each["event"] for each in events] == ["order", "rested", "removed"]
    assert "client_id 151" in shell.run("", "follow", "--after", start, "--market", "0", "--count", "1")


def test_governance_proposes_a_change_and_nobody_applies_it_early(shell: Shell) -> None:
    assert "accepted" in shell.run("governance", "change-market", "0", "--rule", "taker_fee_ppm=400")
    assert "accepted" in shell.run("governance", "change-market", "0", "--rule", "taker_fee_ppm=300")
    market = next(each for each in shell.json("", "markets") if each["market"] == 0)
    assert (market["change"]["proposed"], market["change"]["rules"]["taker_fee_ppm"]) == (2, 300)
    assert {**market["rules"], "taker_fee_ppm": 300} == market["change"]["rules"]
    said = shell.run(
        "governance", "change-market", "0", "--rule", "taker_fee_ppm=1", "--change", "1", exit_code=REJECTED
    )
    assert "old change" in said
    with pytest.raises(OperatorRefused, match="its time has not come yet"):
        shell.run("", "apply-change", "0")


def test_fees_are_paid_out_and_funds_topped_up_by_commands(shell: Shell) -> None:
    assert "accepted" in shell.run("governance", "change-fee-account", "1", "--change", "1")
    said = shell.run("governance", "change-fee-account", "2", "--change", "1", exit_code=REJECTED)
    assert "old change" in said
    with pytest.raises(OperatorRefused, match="its time has not come yet"):
        shell.run("", "apply-fee-account")
    shell.scene.report_prices(shell.running)
    for who, side in (("bob", "sell"), ("alice", "buy")):
        shell.run(who, "order", "0", side, "1", "618000", "--client-id", "171")
    assert "accepted" in shell.run("", "sweep")

    def refused(*command: str) -> bool:
        """Whether there is nothing to pay: within a second the first answer comes again."""
        try:
            shell.run("", *command)
        except OperatorRefused:
            return True
        return False

    shell.scene.wait(
        lambda: refused("sweep") and refused("top-up", "0"), "fees that are paid out, and a fund that is full"
    )


def test_funding_is_shown_by_the_hour(shell: Shell) -> None:
    said = shell.run("", "funding", "0")
    # An hour may end while the tests run.
    assert "no funding yet" in said or "of ticks" in said


@pytest.mark.parametrize(
    ("who", "arguments", "error"),
    [
        ("alice", ["order", "0", "buy", "1"], BadInput),
        ("alice", ["order", "0", "buy", "1", "600000", "--slippage", "1"], BadInput),
        ("alice", ["order", "0", "buy", "1", "600000", "--market", "--slippage", "1"], BadInput),
        ("alice", ["order", "0", "buy", "1", "--market", "--slippage", "all"], BadInput),
        ("alice", ["order", "9", "buy", "1", "--market", "--slippage", "1"], BadInput),
        ("alice", ["order", "0", "buy", "1", "600000", "--post-only", "--ioc"], BadInput),
        ("alice", ["order", "0", "buy", "1", "600000", "--self-trade", "maybe"], BadInput),
        ("alice", ["order", "0", "buy", "1", "600000", "--good-til", "yesterday"], BadInput),
        ("alice", ["order", "0", "buy", "1", "600000", "--good-til", "1h", "--expiry-ms", "5"], BadInput),
        ("bob", ["order", "0", "buy", "1", "600000", "--account", "1"], OperatorRefused),
        ("alice", ["order", "0", "buy", "1", "600000", "--sub", "9"], OperatorRefused),
        ("agent", ["cancel-all"], OperatorRefused),
        ("alice", ["cancel-all", "--agent", "3"], BadInput),
        ("alice", ["dead-man", "later"], BadInput),
        ("alice", ["bulk", "place:0:buy:1:600000:5:post-only+ioc"], BadInput),
        ("alice", ["bulk", "place:0:buy:1:600000:5:nonsense"], BadInput),
        ("alice", ["order-status", "4242"], OperatorRefused),
        ("", ["orders"], BadInput),
        ("", ["funding", "9"], OperatorRefused),
        ("", ["follow", "--after", "999999999"], OperatorRefused),
        ("", ["liquidate", "1", "0"], OperatorRefused),
        ("", ["liquidate", "fund", "0"], OperatorRefused),
        ("", ["take-over", "1", "5", "1"], OperatorRefused),
        ("", ["nominate-adl", "1", "5", "2"], OperatorRefused),
        ("", ["deleverage", "1"], OperatorRefused),
        ("", ["settle-position", "1", "0"], OperatorRefused),
        ("", ["settle-account", "1"], OperatorRefused),
        ("", ["settle-account", "99"], OperatorRefused),
        ("", ["apply-change", "9"], OperatorRefused),
        ("governance", ["change-market", "0"], BadInput),
        ("governance", ["change-market", "0", "--rule", "taker_fee_ppm=x"], BadInput),
        ("governance", ["change-market", "9", "--rule", "taker_fee_ppm=1"], BadInput),
        ("alice", ["change-market", "0", "--rule", "taker_fee_ppm=1"], BadInput),
        ("alice", ["approve-agent", "1", "0x" + 40 * "1", "--scope", "all"], BadInput),
        ("alice", ["approve-agent", "1", "0x" + 40 * "1", "--expires", "1h", "--expiry-ms", "5"], BadInput),
        ("alice", ["revoke-agent", "1", "--sub", "9"], OperatorRefused),
    ],
)
def test_a_command_that_cannot_work_says_what_to_do(
    shell: Shell, who: str, arguments: list[str], error: type[TallystickError]
) -> None:
    with pytest.raises(error) as caught:
        shell.run(who, *arguments)
    assert caught.value.message


@pytest.mark.parametrize(
    "arguments",
    [
        ["order", "0", "buy", "0", "600000"],
        ["order", "64", "buy", "1", "600000"],
        ["order", "0", "buy", "1.5", "600000"],
        ["order", "0", "buy", "1", "-5"],
        ["order", "0", "buy", "1", "600000", "--sub", "16"],
        ["order", "0", "buy", "1", "600000", "--agent", "16"],
        ["approve-agent", "0", "0x"],
        ["take-over", "x", "0", "1"],
        ["liquidate", "fund:0", "0"],
        ["funding", "nonsense"],
    ],
)
def test_nonsense_numbers_are_refused_before_anything_is_sent(shell: Shell, arguments: list[str]) -> None:
    assert shell.run("alice", *arguments, exit_code=2)


def test_every_command_has_help_and_those_with_choices_have_an_example() -> None:
    for command in COMMANDS:
        name = command.__name__.replace("_", "-")
        said = CliRunner().invoke(app, [name, "--help"])
        assert said.exit_code == 0
    text = " ".join(CliRunner().invoke(app, ["order", "--help"]).output.split())
    for word in ("--post-only", "--slippage", "--self-trade", "--good-til", "--sub", "trader order 0 sell 5 --market"):
        assert word in text
