"""A liar in a play's surroundings, and traders who hold it to the receipts that they have."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tallystick.errors import BadInput
from tallystick.records.chunks import accumulate, chunk_header, framed
from tallystick.records.group_receipts import GroupReceipt
from tallystick.rollup.promised_chain import Standing, judge_receipt
from tallystick.testing.group_signing import sign_group
from tests.receipts.court import DAY, HOUR, OPERATOR, RECEIPT_KEY, STRANGER, TRADER, Court, clock, hashed
from tests.receipts.play import STEPS, Play, catch

LIES: Final = ("drops", "reorders", "pushes in front", "signs twice", "makes up a chain", "goes silent")


@dataclass(slots=True, kw_only=True)
class Fake:
    """A chain that the liar's receipts name, from a place on, and that L1 will not have."""

    first: int
    before: bytes
    records: list[bytes]

    def prefix(self, number: int) -> bytes:
        """Return the chain in front of one of its records."""
        accumulator = self.before
        for data in self.records[: number - self.first]:
            accumulator = accumulate(accumulator, hashed(data))
        return accumulator


class Liar:
    """Goes on with an honest play's operator, and lies. `told` are the receipts that honest traders have of it."""

    def __init__(self, play: Play, lie: str) -> None:
        self.play = play
        self.lie = lie
        self.told: list[GroupReceipt] = []
        self.fakes: list[Fake] = []

    @property
    def court(self) -> Court:
        """The contracts as L1 has them now."""
        return self.play.court

    def promise(self, records: list[bytes], before: bytes | None = None) -> list[GroupReceipt]:
        """Sign receipts behind what is on L1, or behind a chain that is made up."""
        chain = self.court.promised
        start = chain.accumulators[-1] if before is None else before
        self.fakes.append(Fake(first=chain.count, before=start, records=records))
        return sign_group(
            RECEIPT_KEY,
            self.court.domain,
            epoch=self.play.epoch,
            post_by=self.court.second + HOUR,
            first=chain.count,
            before=start,
            record_hashes=[hashed(data) for data in records],
        )

    def deceive(self) -> None:
        """Tell the lie: everything promised honestly is on L1."""
        self.play.post_all()
        fresh = self.play.fresh
        own, victims, other = fresh(), [fresh(), fresh()], fresh()
        if self.lie == "drops":
            self.told += self.promise([own, *victims])[1:]
            self.court.post([other, victims[1]])
        elif self.lie == "reorders":
            self.told += self.promise(victims)
            self.court.post([victims[1], clock(self.court.second), victims[0]])
        elif self.lie == "pushes in front":
            self.told += self.promise([own, *victims])[1:]
            self.court.post([other, own, *victims])
        elif self.lie == "signs twice":
            self.told += self.promise(victims)[1:]
            self.court.wait(30)
            self.told += self.promise([victims[0], own])[1:]
            self.court.post(victims)
        elif self.lie == "makes up a chain":
            self.told += self.promise([own, *victims], hashed(other))[1:]
            self.court.post([own, *victims])
        else:
            self.told += self.promise(victims)

    def answer(self) -> None:
        """Answer what is claimed with chunks that the machine skips."""
        for receipt in self.told:
            if self.court.ask("claim", receipt.place)["status"] != 1:
                continue
            for fake in self.fakes:
                prefix = fake.prefix(receipt.number)
                index = receipt.number - fake.first
                if not 0 <= index < len(fake.records) or accumulate(prefix, receipt.record_hash) != receipt.accumulator:
                    continue
                header = chunk_header(self.court.state.record_count + 1, bytes(32), receipt.number, prefix)
                batch = self.court.post_chunks([header + framed(fake.records[index])])
                with suppress(BadInput):
                    self.court.call(
                        OPERATOR, "showPosted", [receipt.place], prefix, [receipt.record_hash], self.court.chunk(batch)
                    )

    def hunt(self) -> Standing | None:
        """Let the traders do what they can, until the bond is lost; return what proved the lie first."""
        found = catch(self.court, self.told)
        if found is not None:
            return found
        self.court.wait(HOUR + 1)
        for receipt in self.told:
            verdict = judge_receipt(self.court.promised, receipt, operator=OPERATOR, now=self.court.second)
            if verdict.standing is not Standing.POSTED:
                assert verdict.standing is Standing.MISSING
                self.court.claim(TRADER, receipt)
        for _ in range(6):
            self.answer()
            self.court.wait(HOUR)
            if self.play.chance.random() < 0.3:
                self.court.post([self.play.fresh()])
        self.court.wait(DAY)
        self._judge()
        return Standing.MISSING if int(self.court.ask("slashedAt")) else None

    def _judge(self) -> None:
        """Foreclose what is open; hold what was answered against what is confirmed, once the chain goes on."""
        state = self.court.confirm()
        chain = self.court.promised
        for receipt in self.told:
            if int(self.court.ask("slashedAt")):
                return
            claim = self.court.ask("claim", receipt.place)
            if claim["status"] == 1:
                self.court.call(STRANGER, "foreclose", receipt.place)
            elif claim["status"] == 2:
                self.court.call(STRANGER, "judge", receipt.place, state)
                if not int(self.court.ask("slashedAt")):
                    count = claim["count"]
                    self.court.call(STRANGER, "trace", chain.count, chain.accumulators[count], chain.hashes[count:])
                    self.court.call(STRANGER, "refute", receipt.place)


def play_liar(lie: str, seed: int) -> None:
    """Play a liar in the surroundings of an honest operator: it loses its bond."""
    play = Play(1000 + seed)
    play.court.post([])
    play.court.wait(600)
    for _ in range(STEPS // 3):
        play.step()
    liar = Liar(play, lie)
    liar.deceive()
    assert liar.hunt() is not None
    assert play.court.ask("slashedAt") > 0
    assert play.court.ask("bondWei") == 0
    play.court.check_money()
