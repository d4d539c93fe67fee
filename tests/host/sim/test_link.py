"""A simulated board as a link: the bytes of a capture of the same world, each when a board would have sent it."""

import itertools

import pytest
from tcxo_host.capture.simulated import simulated_entries
from tcxo_host.errors import UsageError
from tcxo_host.sim.link import SimulatedLink
from tcxo_protocol.capture_file import EntryKind


class Clock:
    """Steady seconds that pass while somebody waits, and not otherwise."""

    def __init__(self):
        self.now_s = 50.0

    def __call__(self):
        return self.now_s

    def pause(self, seconds):
        self.now_s += seconds


def test_it_sends_what_a_capture_of_the_same_world_holds_a_second_in_a_second():
    clock = Clock()
    link = SimulatedLink("sim:reboot:7", clock, clock.pause)
    heard = []
    while clock.now_s < 250:
        heard += [(clock.now_s - 50, each.payload) for each in link.read(0.5)]
    whole = [e for e in simulated_entries("sim:reboot:7", 200) if e.kind == EntryKind.FRAME]
    assert [payload for _, payload in heard] == [entry.body for entry in whole]
    assert link.counts.frames == len(whole)
    assert heard[0][0] == pytest.approx(0.5)
    assert [at for at, _ in heard] == sorted(at for at, _ in heard)
    assert heard[-1][0] == pytest.approx(200)


def test_it_waits_no_longer_than_asked_even_while_the_board_is_silent():
    clock = Clock()
    link = SimulatedLink("sim:reboot", clock, clock.pause)
    for _ in range(1000):
        before = clock.now_s
        link.read(0.25)
        assert clock.now_s - before <= 0.25
    assert link.counts.frames > 100


def test_after_the_machine_slept_no_call_makes_more_than_a_second():
    clock = Clock()
    link = SimulatedLink("sim:steady", clock, clock.pause)
    clock.now_s += 3600
    calls = [len(link.read(0.25)) for _ in itertools.repeat(None, 5)]
    assert all(1 <= count <= 5 for count in calls)


@pytest.mark.parametrize(
    "name",
    [
        "sim:",
        "sim:day:",
        "sim:day:x",
        "sim:day:1:2",
        "sim:day:-1",
        f"sim:day:{10**30}",
        "sim:nowhere",
        "sim:day:²",
    ],
)
def test_a_name_that_names_no_world_is_refused(name):
    with pytest.raises(UsageError, match=r"expected sim:SCENARIO|unknown scenario 'nowhere'"):
        SimulatedLink(name)
