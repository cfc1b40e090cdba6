"""Operators and a server of NATS as processes: one leads, one takes over, and no acknowledged order is lost or doubled."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tallystick.errors import StateError
from tallystick.records.codec import Record, encode
from tallystick.shapes.routes import INFO, RECORDS
from tallystick.shapes.submitting import Answer, Submission
from tallystick.testing.world import key
from tallystick.trader.client import TraderClient
from tallystick.transport import OperatorRefused, OperatorUnreachable, Transport
from tests.operator.lives import kept_on_l1, nothing_lost_or_doubled
from tests.operator.scene import Scene
from tests.standby.houses import LEASE_SECONDS, House, share_key
from tests.standby.servers import NatsServer, Wire

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]
"""Two operators that start, each test: a file of `make test` has a minute. There, threads take their places."""
FIRST = 30
"""Orders before something happens."""
AFTERWARDS_SECONDS = LEASE_SECONDS + 28
"""From what happens to an acknowledgement by who stood by: the lease and two seconds, on cores that are very busy many more."""


class Pair:
    """One who leads, one who stands by, and alice, who sends orders and keeps what she is told."""

    standby: House

    def __init__(self, scene: Scene, leads: list[str], stands_by: list[str]) -> None:
        self.scene = scene
        self.told: list[tuple[Record, Answer]] = []
        scene.stage.deposit("alice")
        self.leader = House(scene, "leader", "run", *leads)
        try:
            self._begin(leads, stands_by)
        except BaseException:
            self.close()
            raise

    def _begin(self, leads: list[str], stands_by: list[str]) -> None:
        scene = self.scene
        self.client = TraderClient(self.leader.url, key("alice"))
        with Transport(self.leader.url) as http:
            scene.wait(lambda: http.ask(INFO).messages_consumed == 1, "the deposit", mine=1)
        scene.open_market(cast("Any", SimpleNamespace(operator=self.leader)))
        self.order_until(len(self.told) + FIRST)
        if leads:
            share_key(scene, "leader", "standby")
        self.standby = House(scene, "standby" if leads else "leader", "standby", *stands_by)
        self.standby.said("standing_by")

    def order(self) -> Record:
        return self.client.signed("order", market=0, price_ticks=600_000, lots=1, client_id=len(self.told) + 1)

    def order_until(self, count: int) -> None:
        while len(self.told) < count:
            record = self.order()
            self.told.append((record, self.client.send(record)))

    def interrupted(self, strike: Callable[[], None]) -> float:
        """Strike while orders are under way; return how long it takes from there until who stood by acknowledges one.

        Units: seconds.
        """
        signer = self.client.receipt_signer
        at: list[float] = []

        def struck() -> None:
            at.append(time.monotonic())
            strike()

        soon = threading.Timer(0.3, struck)
        soon.start()
        with Transport(self.leader.url, timeout_seconds=0.5) as http, suppress(OperatorUnreachable, OperatorRefused):
            while True:
                record = self.order()
                self.told.append((record, http.ask(RECORDS, submission(record))))
        soon.join()
        self.standby.said("ready")
        self.client.close()
        self.client = TraderClient(self.standby.url, key("alice"), receipt_signer=signer)
        self.told.append((record, self.client.send(record)))
        took = time.monotonic() - at[0]
        self.client.next_nonce = self.client.account().next_nonce
        sys.stderr.write(f"acknowledged again after {took:.1f} s\n")
        return took

    def settle(self) -> None:
        """Every order was acknowledged once, is known as it was told, and comes to L1 once, in its order."""
        self.order_until(len(self.told) + 5)
        for record, answer in self.told:
            again = self.client.send(record)
            assert again.repeated and (again.record_number, again.outcome) == (answer.record_number, answer.outcome)
            assert (again.promised_number, again.promised_before) == (answer.promised_number, answer.promised_before)
        assert len({answer.record_number for _, answer in self.told}) == len(self.told)
        records = [record for record, _ in self.told]
        wanted = len(records)
        self.scene.wait(lambda: len(kept_on_l1(self.scene.stage)) >= wanted, "L1", mine=1)
        nothing_lost_or_doubled(self.scene.stage, records)

    def close(self) -> None:
        for each in ("client", "leader", "standby"):
            if hasattr(self, each):
                getattr(self, each).close()


@contextmanager
def pair(scene: Scene, leads: list[str], stands_by: list[str]) -> Iterator[Pair]:
    made = Pair(scene, leads, stands_by)
    try:
        yield made
    finally:
        made.close()


def options(url: str) -> list[str]:
    return ["--log", url, "--lease-seconds", str(LEASE_SECONDS)]


def submission(record: Record) -> Submission:
    return Submission(raw="0x" + encode(record).hex())


def test_a_leader_that_is_killed_is_followed_within_seconds(scene: Scene, server: NatsServer) -> None:
    log = options(server.url("killed"))
    with pair(scene, log, log) as both:
        assert both.interrupted(lambda: both.leader.send(signal.SIGKILL)) < AFTERWARDS_SECONDS
        both.settle()


def test_a_leader_that_stood_still_can_neither_append_nor_sign_when_it_goes_on(
    scene: Scene, server: NatsServer
) -> None:
    log = options(server.url("stopped"))
    with pair(scene, log, log) as both:
        assert both.interrupted(lambda: both.leader.send(signal.SIGSTOP)) < AFTERWARDS_SECONDS
        answers: list[object] = []

        def ask(record: Record) -> None:
            with Transport(both.leader.url, timeout_seconds=30) as http:
                try:
                    answers.append(http.ask(RECORDS, submission(record)))
                except (OperatorRefused, OperatorUnreachable) as error:
                    answers.append(error)

        # what it has acknowledged itself and what is new, waiting in its socket when it goes on
        asking = [threading.Thread(target=ask, args=(each,)) for each in (both.told[3][0], both.order())]
        for each in asking:
            each.start()
        time.sleep(0.5)
        both.leader.send(signal.SIGCONT)
        assert both.leader.end() == StateError.exit_code
        for each in asking:
            each.join()
        assert len(answers) == 2 and not any(isinstance(each, Answer) for each in answers)
        both.client.next_nonce = None
        both.settle()


def test_a_leader_that_is_cut_off_from_the_stream_ends_and_the_other_one_leads(
    scene: Scene, server: NatsServer
) -> None:
    wire = Wire(server.port)
    try:
        with pair(scene, options(server.url("cut", wire.port)), options(server.url("cut"))) as both:
            assert both.interrupted(wire.cut) < AFTERWARDS_SECONDS
            assert both.leader.end() == StateError.exit_code
            both.settle()
    finally:
        wire.close()


def test_a_server_that_is_back_within_the_lease_interrupts_nobody(scene: Scene, server: NatsServer) -> None:
    log = ["--log", server.url("restarted"), "--lease-seconds", "15"]
    with pair(scene, log, log) as both:
        server.kill()
        begun = threading.Timer(1.0, server.start)
        begun.start()
        both.order_until(len(both.told) + 5)
        begun.join()
        both.settle()
        assert both.standby.process.poll() is None and not both.standby.events("leading")


def test_a_leader_that_ends_in_peace_is_followed_at_once_and_another_one_is_refused(
    scene: Scene, server: NatsServer
) -> None:
    log = options(server.url("ended"))
    with pair(scene, log, log) as both:
        third = House(scene, "third", "run", *log)
        assert third.process.wait(60) == StateError.exit_code
        third.close()
        both.interrupted(lambda: both.leader.send(signal.SIGTERM))
        assert both.leader.end() == 0
        both.settle()


def test_a_standby_on_the_leaders_own_files_takes_over_when_that_is_killed(scene: Scene) -> None:
    with pair(scene, [], []) as both:
        assert both.interrupted(lambda: both.leader.send(signal.SIGKILL)) < AFTERWARDS_SECONDS
        both.settle()
