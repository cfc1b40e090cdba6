"""What must hold after every scenario on L1, whoever lied."""

from __future__ import annotations

from typing import Any

from tallystick.demo.double_check import Auditor
from tallystick.dispute.edge_view import ChallengeView
from tallystick.errors import L1Reverted
from tallystick.l1.client.events import EventReader
from tallystick.machine import engine
from tallystick.party.party import Party
from tallystick.rollup.views.assertion_view import RollupView, Status
from tallystick.testing.l1_stage import Stage
from tallystick.testing.world import address


def refusal(stage: Stage, who: str, contract: str, function: str, *arguments: Any, value_wei: int = 0) -> str:
    """Return the error with which a contract refuses a call, empty when it would take it. Nothing is sent."""
    target = stage.place(contract)
    data = stage.client.contract(contract, target).encode(function, *arguments)
    try:
        stage.client.call(target, data, sender=address(who), value_wei=value_wei)
    except L1Reverted as error:
        return str(error.data["error"])
    return ""


def must_hold(stage: Stage, honest: Party, *, liars: tuple[str, ...] = (), before_wei: int | None = None) -> None:
    """Check U1 to U7 on L1, `before_wei` being what the honest party had before it entered.

    U1 and U6: a replay of L1's events alone gives the state that the stage's own, honest world came to, to the bit, so
    no account differs from the honest model; and the honest party's bonds and gas are back (U4, U5).
    """
    while honest.busy or (honest.queue is not None and any(v.owed.get(honest.queue.address) for v in views(honest))):
        honest.tick()
    events = EventReader(stage.client, stage.deployment).poll().events
    audit = Auditor(stage.deployment.config.root_height)
    confirmed = audit.audit(events)
    assert confirmed.check(), "U3: what L1 confirmed last is not what its inputs give"
    assert audit.newest(events).state.hash() == stage.world.state.hash(), "U1, U6"
    for assertion in audit.rollup.assertions.values():
        if assertion.status is Status.CONFIRMED and assertion.parent:
            assert audit.replayer is not None and audit.replayer.knows(assertion.id), "U3"
    _contracts_hold_what_they_owe(stage, honest)
    for liar in liars:
        for contract in ("Rollup", "Challenge"):
            assert stage.call(contract, "credit", "0x" + address(liar).hex()) == 0, "U4: a liar is paid"
        fallen = [a.status for a in honest.rollup.assertions.values() if a.proposer == address(liar)]
        assert set(fallen) <= {Status.REJECTED}, "U4: a liar's assertion still stands"
    if before_wei is not None:
        assert honest.queue is not None
        assert wealth_wei(stage, honest) >= before_wei, "U4, U5: honesty cost money"
    _goes_on(stage, honest)


def wealth_wei(stage: Stage, party: Party) -> int:
    """Return what a party holds: its ether, and the bond that stays on L1 for as long as it proposes."""
    bonds = [each for each in party.rollup.assertions.values() if party.mind.me and each.bonded == party.mind.me]
    return stage.client.balance_wei(party.mind.me) + len(bonds) * stage.deployment.config.assertion_bond_wei


def views(party: Party) -> tuple[Any, ...]:
    """Return a party's views of what it is owed."""
    return tuple(party.credits.values())


def _contracts_hold_what_they_owe(stage: Stage, honest: Party) -> None:
    """U2: the token in the Vault, the ether in Rollup and Challenge, to the atom and the wei."""
    honest.read()
    vault = "0x" + stage.place("Vault").hex()
    in_vault = stage.call("TestToken", "balanceOf", vault)
    owed_units = stage.call("Vault", "depositedUnits") - stage.call("Vault", "claimedUnits")
    assert in_vault == owed_units * stage.deployment.config.atoms_per_unit, "U2: the Vault"
    config = stage.deployment.config
    rollup, challenge = RollupView(), ChallengeView()  # with all that stands on lies, which the party passes over
    for event in EventReader(stage.client, stage.deployment).poll():
        rollup.apply(event)
        challenge.apply(event)
    bonds = [each for each in rollup.assertions.values() if each.bonded]
    owed = sum(honest.credits["Rollup"].owed.values()) + len(bonds) * config.assertion_bond_wei
    assert stage.client.balance_wei(stage.place("Rollup")) == owed, "U2: the Rollup"
    owed = sum(honest.credits["Challenge"].owed.values())
    for dispute in challenge.disputes.values():
        state = stage.call("Challenge", "disputeState", dispute.id)
        owed += state["potWei"] if dispute.settled else state["roots"] * config.challenge_bond_wei
    assert stage.client.balance_wei(stage.place("Challenge")) == owed, "U2: the Challenge"


def _goes_on(stage: Stage, honest: Party) -> None:
    """U7: the next batch is taken, and the next assertion would be."""
    stage.begin()
    stage.publish()
    stage.mine(stage.deployment.config.min_interval_blocks)
    honest.read()
    latest = honest.rollup.assertions[honest.rollup.latest_confirmed]
    registers = bytes(len(latest.registers) or len(stage.world.state.registers.pack()))
    arguments = (latest.id, latest.next_limit, bytes(32), registers, bytes(32))
    bond = stage.deployment.config.assertion_bond_wei
    assert refusal(stage, "deployer", "Rollup", "post", *arguments, value_wei=bond) == "", "U7"


def publish_raw(stage: Stage, chunks: list[bytes], message_limit: int | None = None) -> int:
    """Post a batch as a rogue sequencer may, have the stage's world replay it, and return the gas."""
    world = stage.world
    limit = world.state.registers.message_cursor if message_limit is None else message_limit
    world.time = max(world.time, stage.client.head().timestamp)
    world.published.publish(chunks, world.time, limit)
    gas = post(stage, "operator")
    engine.run(world.machine, 1 << 20)
    return gas


def post(stage: Stage, who: str) -> int:
    """Post the world's next batch as somebody, and return the gas."""
    return stage.transact(who, f"batch {stage.posted} by {who}", "Inbox", "postBatch", *stage.next_batch())


def confirm_by_time(stage: Stage, party: Party) -> None:
    """Have a party assert all that is there, wait for the period each time, and confirm it."""
    party.tick()
    while party.rollup.assertions[party.rollup.latest_confirmed].limit < party.inbox.batch_count:
        stage.mine(stage.deployment.config.challenge_period_blocks + 1)
        for _ in range(4):
            party.tick()
