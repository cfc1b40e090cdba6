"""The measurement of the operator's hot path sends real records over real sockets, and says what bounds its figures."""

from __future__ import annotations

import pytest

from tallystick.bench.hotpath import breakdown
from tallystick.bench.hotpath.hot_path import l1_data, page, run, signature_limit
from tallystick.bench.hotpath.pipes import HttpWire


def test_every_order_is_answered_over_sockets_and_held_against_its_limits() -> None:
    told = run(None, door="http", orders=40, bulks=2, accounts=100, report=lambda text: None)
    assert told["ok"] and told["runs"]["single"]["accepted"] == 40 and told["runs"]["bulk"]["accepted"] == 2
    assert told["single_orders_per_second"] > 0 and told["bulk_actions_per_second"] > 0
    assert 0 < told["p50_ms"] <= told["p99_ms"]
    assert set(told["ratios"]) == {"single_over_signature_limit", "bulk_over_machine"}
    assert page({"compiled": None, "interpreted": told})


def test_every_stage_of_the_path_takes_part_of_it() -> None:
    told = breakdown.measure(orders=256, bulks=8, accounts=100)
    for what in ("singles", "bulks"):
        assert set(told[what]) == {*breakdown.STAGES, "sequencer"}
        assert all(0 < each["least_tenth"] <= each["mean"] for each in told[what].values())
    assert breakdown.page(told)


def test_signatures_are_recovered_on_every_core() -> None:
    assert signature_limit() > 0


@pytest.mark.parametrize(("what", "of_a_blob", "asserted"), [("single", 1_365, 7_234), ("bulk", 6_348, 33_638)])
def test_what_l1s_data_bounds_stands_beside_every_figure(what: str, of_a_blob: int, asserted: int) -> None:
    told = l1_data(what, of_a_blob)
    assert told["orders_per_second_of_a_blob_a_second"] == of_a_blob
    assert told["orders_per_second_asserted"] == asserted
    assert told["blobs_per_second"] == 1.0


def test_answers_that_come_in_pieces_are_counted_once_each_in_order() -> None:
    wire = HttpWire()
    for number in (7, 8):
        wire.packed(number, b"\x02\xc0")
    body = b'{"outcome":"ACCEPTED"}'
    good = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    bad = b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n{}"
    received = good + bad
    assert wire.answers(received[:30]) == []
    assert wire.answers(received[30:-1]) == [(7, True)]
    assert wire.answers(received[-1:]) == [(8, False)]
