"""Many generations contested at once by several attackers, against a party that keeps dying and has no disk."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field

from tallystick.bench.disputes.battle import HONEST, Battle, Result
from tallystick.bench.disputes.sybils import Timing, attacks
from tallystick.dispute.trace_tree import History
from tallystick.l1.client.quorum import QuorumClient
from tallystick.l1.deployment import BLOCK_SECONDS
from tallystick.l1.sending.queuestore import QueueStore
from tallystick.l1.sending.sender import SenderConfig, TxQueue
from tallystick.party.duties import DUTIES, Mode
from tallystick.party.party import CONFIRMATIONS, Identity, Party
from tallystick.ports.system import SystemClock
from tallystick.testing.l1_stage import FUND_WEI, PERIOD_BLOCKS, Stage, account
from tests.adversaries.rules import must_hold

DELTA = 1
"""Blocks from an event to the answer being in a block: a party that is killed is started again in the same one."""
TIMINGS = (Timing.IDLE, Timing.LATE, Timing.AT_ONCE)


def inclusion_blocks(height: int) -> int:
    """D: an opening, a bisection a level and a proof, each as late as may be."""
    return (DELTA + 1) * (height + 2)


def most_censored(height: int) -> int:
    """C: what a stage's period leaves for censorship."""
    return PERIOD_BLOCKS - inclusion_blocks(height) - DELTA - 2


class Killed(BaseException):
    """The process is gone: nothing catches it."""


class MortalClient(QuorumClient):
    """A client whose process dies at some broadcasts, before the node has the transaction or right after."""

    def __init__(self, url: str, chance: random.Random, odds: float) -> None:
        super().__init__([url], clock=SystemClock())
        self._chance = chance
        self._odds = odds

    def send_raw(self, raw: bytes) -> bytes:
        dies = self._chance.random() < self._odds
        if dies and self._chance.random() < 0.5:
            raise Killed
        sent = super().send_raw(raw)
        if dies:
            raise Killed
        return sent


class ChainClock:
    """A clock that goes on with the blocks alone."""

    def __init__(self, battle: Battle) -> None:
        self._battle = battle

    def now(self) -> float:
        return float(self._battle.eyes.head * BLOCK_SECONDS)

    def monotonic(self) -> float:
        return self.now()

    def sleep(self, seconds: float) -> None:
        """Wait for nothing: the blocks come from elsewhere."""


@dataclass(slots=True, kw_only=True)
class Mortal:
    """The lives of the honest party. Each begins with an empty disk, and reads L1 from its first block on."""

    battle: Battle
    odds: float
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    deaths: int = 0
    _store: QueueStore | None = None

    def born(self) -> Party:
        """Return a party that knows nothing."""
        stage = self.battle.stage
        path = stage.folder / "mortal.sqlite"
        for file in stage.folder.glob("mortal.sqlite*"):
            file.unlink()
        client = MortalClient(stage.server.url, self.chance, self.odds)
        identity = Identity(duties=DUTIES[Mode.PROPOSE])
        self._store = QueueStore(path)
        queue = TxQueue(
            client=client,
            account=account(HONEST),
            store=self._store,
            config=SenderConfig(confirmations=CONFIRMATIONS),
            clock=ChainClock(self.battle),
        )
        return Party(client, stage.deployment, identity, self.battle.told, queue=queue)

    def bury(self, party: Party) -> None:
        """Let go of what a party held."""
        party.close()
        if self._store is not None:
            self._store.close()

    def drive(self, party: Party) -> Party:
        """Let a party act; where it dies, another one takes over."""
        while True:
            try:
                party.tick()
            except Killed:
                self.deaths += 1
                self.bury(party)
                party = self.born()
            else:
                return party


def withstand(
    stage: Stage, attackers: int, generations: int, *, odds: float, censored: int, censorship: float
) -> Result:
    """Let so many attackers contest so many generations at once, with idle, late and false-trace roots and garbage, and
    keep the honest party out of so many blocks, of those that hold something of its own `censorship`; check that every
    true assertion is confirmed within its bound, and that the party has all its bonds and never more than one on L1.
    """
    height = stage.deployment.config.root_height
    fresh = stage.world.fresh()
    true = History(fresh.state, fresh.inputs, height=height)
    battle = Battle(
        stage=stage,
        true=true,
        attacks=attacks(true, attackers, timings=TIMINGS),
        timings=TIMINGS,
        generations=generations,
        mode=Mode.PROPOSE,
        censored=censored,
        censorship=censorship,
    )
    mortal = Mortal(battle=battle, odds=odds)
    battle.honest.close()
    battle.honest = mortal.born()
    battle.drive = mortal.drive
    try:
        result = battle.play()
    finally:
        mortal.bury(battle.honest)
    sys.stdout.write(f"{mortal.deaths} deaths, {result}\n")
    honest = stage.party(HONEST, Mode.PROPOSE, battle.told)

    assert result.won, result
    assert result.contested == generations
    assert result.censored == censored
    assert result.confirmed <= PERIOD_BLOCKS + censored + inclusion_blocks(height) + 2 * (DELTA + 1)
    assert result.liars_time < PERIOD_BLOCKS
    assert result.bonds_in_use == 1
    assert bool(mortal.deaths) == bool(odds)
    must_hold(stage, honest, before_wei=FUND_WEI)
    places = {attacker.attack.place for front in battle.fronts for attacker in front.attackers}
    assert places > {"false trace to the truth", "garbage half", "garbage leaf"} or attackers * generations < 11
    return result
