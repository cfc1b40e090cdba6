"""What every log promises, whether it is kept in files, in a simulated stream, or in a real server's."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from tallystick.errors import DataMismatch
from tallystick.testing.disks.simulated_disk import Killed
from tallystick_operator.storage.framing import Place, first_place
from tallystick_operator.storage.logfiles import Frames
from tests.standby.servers import NatsServer
from tests.standby.stores import GENESIS, FileStore, Mortal, NatsStore, Store, StreamStore

SIMULATED: list[Callable[[], Mortal]] = [FileStore, StreamStore]
NUMBERS = count()


@pytest.fixture(params=["files", "stream", "nats"])
def store(request: pytest.FixtureRequest, server: NatsServer) -> Iterator[Store]:
    if request.param != "nats":
        yield FileStore() if request.param == "files" else StreamStore()
        return
    made: list[NatsStore] = [NatsStore(server.url(f"contract-{next(NUMBERS)}"))]
    restarted = made[0].restarted

    def again() -> NatsStore:
        made.append(restarted())
        return made[-1]

    made[0].restarted = again  # type: ignore[method-assign]
    yield made[0]
    for each in made:
        each.close()


def payloads(log: Frames, since: Place | None = None) -> list[bytes]:
    return [payload for payload, _ in log.payloads(since or first_place(GENESIS))]


def groups(chance: random.Random, number: int) -> list[bytes]:
    return [chance.randbytes(chance.randrange(1, 200)) for _ in range(number)]


def write(store: Store, wanted: list[bytes]) -> list[bytes]:
    """Append groups until something happens; return those that were acknowledged."""
    done: list[bytes] = []
    try:
        log = store.open()
        for payload in wanted:
            log.append(payload)
            log.confirm()
            done.append(payload)
    except (Killed, OSError):
        pass
    return done


def check(store: Store, done: list[bytes], wanted: list[bytes]) -> None:
    """What was acknowledged is there, and behind it at most the next one."""
    log = store.open()
    found = payloads(log)
    assert found == wanted[: len(found)] and len(done) <= len(found) <= len(done) + 1
    log.append(b"more")
    log.close()
    assert payloads(store.restarted().open()) == [*found, b"more"]


def interrupted(make: Callable[[], Mortal], seed: int) -> None:
    chance = random.Random(seed)
    wanted = groups(chance, 12)
    whole, struck = make(), make()
    assert write(whole, wanted) == wanted
    struck.strike(chance, whole)
    done = write(struck, wanted)
    after = [struck.restarted(), struck.after_power_cut()]
    check(after[seed % 2], done, wanted)


@pytest.mark.parametrize("make", SIMULATED)
@pytest.mark.parametrize("seed", range(60))
def test_a_kill_or_a_power_cut_at_any_moment_loses_nothing_acknowledged(make: Callable[[], Mortal], seed: int) -> None:
    interrupted(make, seed)


@pytest.mark.campaign
@pytest.mark.parametrize("make", SIMULATED)
@pytest.mark.parametrize("thousand", range(1, 11))
def test_ten_thousand_kills_lose_nothing_acknowledged(make: Callable[[], Mortal], thousand: int) -> None:
    for seed in range(1_000 * thousand, 1_000 * thousand + 1_000):
        interrupted(make, seed)


def test_a_log_is_read_from_any_place_and_knows_its_places(store: Store) -> None:
    wanted = groups(random.Random(4), 30)
    log = store.open()
    places = [log.append(payload) for payload in wanted]
    assert log.end == places[-1] and log.first == first_place(GENESIS)
    log.close()
    log = store.restarted().open()
    assert log.end == places[-1]
    for at, place in enumerate(places):
        assert log.leads_through(place)
        assert payloads(log, place) == wanted[at + 1 :]
        assert not log.leads_through(Place(at=place.at, chain=bytes(16)))
    assert not log.leads_through(Place(at=places[-1].at + 1, chain=places[-1].chain))
    log.close()


def test_a_log_goes_on_where_it_ended_and_may_be_told(store: Store) -> None:
    log = store.open()
    log.append(b"one")
    log.confirm()
    log.close()
    log = store.restarted().open()
    behind = log.append(b"two")
    log.confirm()
    assert payloads(log) == [b"one", b"two"] and log.end == behind
    assert [place for _, place in log.payloads(first_place(GENESIS))][-1] == behind
    log.close()


def test_a_frame_that_is_longer_than_a_message_is_one_frame(store: Store) -> None:
    wanted = [b"short", random.Random(1).randbytes(1_300_000), b"behind"]
    log = store.open()
    for payload in wanted:
        log.append(payload)
    log.close()
    log = store.restarted().open()
    assert payloads(log) == wanted
    with pytest.raises(DataMismatch):
        payloads(log, Place(at=log.first.at + 1, chain=bytes(16)))
    log.close()
