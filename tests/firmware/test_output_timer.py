"""The stand-in of the self-test's output timer: buffered registers as RM0090 has them, a counter that is written."""

import json

import pytest
from support.firmware_vms import run_31bit, run_unix

P = 1000 * 28
WRAP = 1 << 32


@pytest.fixture(scope="module", params=[run_unix, run_31bit])
def told(request):
    return json.loads(request.param("check_output.py"))


def test_edges_come_at_update_events_only_and_what_is_written_waits_for_one(told):
    assert told["without a channel"] == told["width 0"] == told["off"] == told["after deinit"] == []
    assert told["on"] == [[k * P, k * P] for k in (6, 7, 8)]


def test_a_set_up_timer_starts_anew_with_what_was_written(told):
    assert [tick for tick, _ in told["after init"]] == [12 * P + 77 + k * P // 2 for k in (1, 2, 3, 4)]


def test_a_counter_that_is_written_goes_on_from_there_and_wraps(told):
    assert told["counter after a write"] == WRAP - 1 - P + 10
    first, second = told["over the wrap"]
    assert first == [21 * P + 10, (WRAP - 1 - P + 10 + P) % WRAP]
    assert second == [22 * P + 10, (WRAP - 1 - P + 10 + 2 * P) % WRAP]
    assert told["update flag"] == 1


def test_what_the_timer_has_not_is_refused(told):
    assert told["refused"] == ["Timer(3) doesn't exist", "TIM4 has 16 bits", "TIM4 has 16 bits"]
