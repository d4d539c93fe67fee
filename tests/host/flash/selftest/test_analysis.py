"""From records to findings: a perfect test passes, and each planted fault fails by its own name and no other's."""

import dataclasses

import pytest
from tcxo_host.flash.selftest.analysis import analyse
from tcxo_host.flash.selftest.finding import FAILED, OK, WARNING
from tcxo_host.flash.selftest.links import compare
from tcxo_host.flash.selftest.recording import Recording
from tcxo_host.flash.selftest.report import EXIT_FAILED, EXIT_NO_WIRE, as_lines, exit_status
from tcxo_protocol.framing import LineCounts
from tcxo_protocol.records import Channel, ChannelCounts, Edges, Identify, ProtocolError, Status, Text

HZ = 84_000_000
CHANNELS = (Channel(1, 1, 1000, "X1"), Channel(3, 3, 50000, "X3"))
IDENTIFY = Identify(7, 1, HZ, 32, "0.1.0", "SIM", "1.29", CHANNELS)
PLAN = ((50, 200, 2000), (200, 800, 2000), (1000, 1000, 0), (2000, 1000, 0))  # Hz, edges, pause
LOSES = {1: 144}  # index in PLAN: edges that do not fit the ring


class Bench:
    """The records of a perfect test of channel 3, and what a fault makes of them."""

    def __init__(self):
        self.quiet = "selftest quiet 0 184800000 0 1:0 3:0"
        self.edges = []  # (number, tick) of channel 3
        self.steps = []
        self.statuses = []
        self.drops = self.overcaptures = 0
        self.line = LineCounts(frames=100)
        self.extra = []
        tick, number = 3 * HZ, 0
        for index, (rate_hz, count, pause_ms) in enumerate(PLAN):
            period = HZ // rate_hz
            wrap = ((tick >> 32) + 1) << 32
            start = wrap - count // 2 * period - 5
            ticks = [start + 77 + k * period for k in range(count)]
            lost = LOSES.get(index, 0)
            kept = list(zip(range(number, number + count), ticks, strict=True))
            self.edges += [each for k, each in enumerate(kept) if not 300 <= k < 300 + lost]
            self.drops += lost
            end = number + count
            self.steps.append([rate_hz, start, ticks[-1] + period // 2, pause_ms, number, end])
            self.statuses.append([tick, number])
            tick, number = ticks[-1] + HZ, end
        self.statuses.append([tick, number])

    def recording(self):
        recording = Recording(line=self.line)
        recording.take([IDENTIFY, Text("started: SIM"), Text(self.quiet)])
        flag_next = False
        last = -1
        for number, tick in self.edges:
            flag_next = number > last + 1
            recording.take([Edges(3, 2 if flag_next else 0, number, (tick,))])
            last = number
        for rate_hz, start, until, pause_ms, first, end in self.steps:
            recording.take(
                [Text(f"selftest step {rate_hz} {start} {until} {pause_ms} 1:0:0 3:{first}:{end}")]
            )
        for index, (tick, captured) in enumerate(self.statuses):
            counts = (ChannelCounts(1, 0, 0, 0), ChannelCounts(3, captured, self.overcaptures, self.drops))
            recording.take([Status(2 * index, tick, index, 0, 35.0, None, 3.3, counts)])
        recording.take([*self.extra, Text("selftest end")])
        return recording

    def findings(self, channels=(3,)):
        return {finding.name: finding for finding in analyse(self.recording(), channels, HZ)}


def failed(findings):
    return {name for name, finding in findings.items() if finding.level == FAILED}


def test_a_perfect_test_passes_every_check_with_its_figures():
    findings = Bench().findings()
    assert {finding.level for finding in findings.values()} == {OK}
    told = {name: finding.text for name, finding in findings.items()}
    assert told["wire"] == "the signal is at X3 (channel 3)"
    assert (
        told["periods"] == f"{3000 - 144 - 4} of {3000 - 144 - 4} exact to the tick, 50, 200, 1000, 2000 Hz"
    )
    assert told["wraps"] == "the counter wrapped 4 times while edges came"
    assert told["losses"] == "144 lost in pauses or above 1000 Hz, all counted"
    assert told["main loop"] == "longest silence 2 s, with pauses of 2 s asked for"
    assert told["frames"] == "100 came, 0 with a wrong CRC, 0 missing in sequence"
    assert (told["temperature"], told["supply"]) == ("35.00 to 35.00 °C", "3.30 to 3.30 V")
    lines = as_lines(list(findings.values()), "from Y3 to X3 (host_pwm)")
    assert lines[-1] == "passed: 13 checks"
    assert max(map(len, lines)) <= 80


def without_an_edge(bench, at):
    """It never came to the board: later ones have its number."""
    bench.edges = bench.edges[:at] + [(number - 1, tick) for number, tick in bench.edges[at + 1 :]]
    for step in bench.steps:
        step[4] -= step[4] > at
        step[5] -= step[5] > at
    for status in bench.statuses:
        status[1] -= status[1] > at


@pytest.mark.parametrize("at", [1, 50, 120, 198])
def test_an_edge_lost_in_the_middle(at):
    bench = Bench()
    without_an_edge(bench, at)
    assert failed(bench.findings()) == {"periods", "lost edges"}


@pytest.mark.parametrize("at", [0, 199, 200])
def test_an_edge_lost_at_the_begin_or_end_of_a_signal_leaves_no_wrong_period_and_is_found(at):
    bench = Bench()
    without_an_edge(bench, at)
    assert failed(bench.findings()) == {"lost edges"}
    assert bench.findings()["lost edges"].text == "1 edges are missing and were not counted"


def test_losses_that_the_board_counts_wrong():
    for drops in (143, 145, 0):
        bench = Bench()
        bench.drops = drops
        findings = bench.findings()
        assert failed(findings) == {"losses"}
        told = f"counted wrong: 144 edges did not come, the board counted {drops}"
        assert findings["losses"].text == told


def test_an_edge_lost_where_there_was_room_for_all_though_it_is_counted():
    bench = Bench()
    del bench.edges[100]
    bench.drops += 1
    assert bench.findings()["losses"].text == "1 edges lost where there was room for all"
    assert failed(bench.findings()) == {"losses"}


def test_the_last_edges_lost_and_not_counted():
    bench = Bench()
    del bench.edges[-3:]
    assert failed(bench.findings()) == {"losses"}


@pytest.mark.parametrize(("sign", "told"), [(1, "a wrap counted twice"), (-1, "a wrap not counted")])
def test_a_wrap_counted_wrong(sign, told):
    bench = Bench()
    at = bench.steps[2][4]  # from there on, all of it: ticks, steps and status records
    bench.edges = [(n, tick + sign * (1 << 32) * (n >= at + 500)) for n, tick in bench.edges]
    for step in bench.steps[2:]:
        step[1] += sign * (1 << 32) * (step[4] > at)
        step[2] += sign * (1 << 32)
    for status in bench.statuses[3:]:
        status[0] += sign * (1 << 32)
    findings = bench.findings()
    assert {"wraps"} <= failed(findings) <= {"wraps", "periods", "status tick"}
    assert findings["wraps"].text.startswith(told)


def test_a_status_tick_that_goes_back():
    bench = Bench()
    bench.statuses[2][0] = bench.statuses[1][0] - 1
    assert failed(bench.findings()) == {"status tick"}
    assert bench.findings()["status tick"].text == "went back 1 times in 5 status records"


def test_overcaptures_frames_supply_and_heat():
    bench = Bench()
    bench.overcaptures = 2
    bench.line = LineCounts(frames=99, bad_frames=1, lost_frames=2)
    assert failed(bench.findings()) == {"overcapture", "frames"}
    assert bench.findings()["overcapture"].text == "2 overcaptures, though no rate was above 2000 Hz"
    recording = Bench().recording()
    for change, name in (({"supply_v": 2.6}, "supply"), ({"mcu_c": 120.0}, "temperature")):
        recording.statuses = [
            dataclasses.replace(status, **change) for status in Bench().recording().statuses
        ]
        assert {f.name for f in analyse(recording, (3,), HZ) if f.level == FAILED} == {name}
    recording.statuses = [dataclasses.replace(s, supply_v=None) for s in Bench().recording().statuses]
    [supply] = [finding for finding in analyse(recording, (3,), HZ) if finding.name == "supply"]
    assert (supply.level, supply.text) == (WARNING, "not measured by this board")


def test_a_board_that_counts_at_another_rate_than_its_data_say():
    findings = {f.name: f for f in analyse(Bench().recording(), (3,), HZ)}
    assert findings["clock"].level == OK
    recording = Bench().recording()
    recording.identify = dataclasses.replace(IDENTIFY, tick_hz=96_000_000)
    findings = {f.name: f for f in analyse(recording, (3,), HZ)}
    assert findings["clock"].text == "wrong clock: the board counts 96000000 Hz, its data say 84000000"


def test_an_edge_a_tick_to_and_fro_warns_and_does_not_fail():
    bench = Bench()
    bench.edges = [(number, tick + (number % 7 == 3)) for number, tick in bench.edges]
    findings = bench.findings()
    assert failed(findings) == set()
    assert findings["periods"].level == WARNING
    assert "a longer wire moves them" in findings["periods"].text
    assert exit_status(list(findings.values())) == 0


def test_a_board_that_restarts_in_the_middle():
    bench = Bench()
    bench.extra = [Text("started: SIM")]
    assert failed(bench.findings()) == {"main loop"}
    bench.extra = [dataclasses.replace(IDENTIFY, boot_id=8)]
    assert "restarted in the middle" in bench.findings()["main loop"].text


def test_a_pause_that_was_none():
    bench = Bench()
    recording = bench.recording()
    recording.statuses = [dataclasses.replace(s, uptime_s=s.uptime_s // 4) for s in recording.statuses]
    found = {f.name: f for f in analyse(recording, (3,), HZ)}
    assert found["main loop"].text == "did not pause: longest silence 1 s, with pauses of 2 s asked for" or (
        found["main loop"].level == OK
    )


def test_without_the_wire_nothing_else_is_judged():
    bench = Bench()
    bench.edges = []
    for step in bench.steps:
        step[4] = step[5] = 0
    findings = bench.findings()
    assert list(findings) == ["wire"]
    assert findings["wire"].text == "the jumper is missing: no signal at X3 (channel 3)"
    assert exit_status(list(findings.values())) == EXIT_NO_WIRE
    told = as_lines(list(findings.values()), "from Y3 to X3 (host_pwm)")[-1]
    assert told.startswith(
        "not tested: put the jumper wire from Y3 to X3 (host_pwm), nothing else on either end"
    )


def test_the_wire_on_another_input():
    bench = Bench()
    recording = bench.recording()
    findings = analyse(recording, (1,), HZ)
    assert [finding.name for finding in findings] == ["wire"]
    assert findings[0].text == "the jumper is on the wrong input: on X3 (channel 3), not on X1 (channel 1)"
    assert "missing: no signal at X1" in analyse(recording, (1, 3), HZ)[0].text


@pytest.mark.parametrize(
    ("quiet", "told"),
    [
        ("selftest quiet 0 184800000 1 1:0 3:0", "something drives the wire: take all else off it"),
        ("selftest quiet 0 184800000 0 1:2 3:110", "X3 (channel 3) saw 110 edges before the signal began"),
    ],
)
def test_something_else_on_the_wire(quiet, told):
    bench = Bench()
    bench.quiet = quiet
    bench.steps, bench.edges = [], []
    [finding] = bench.findings().values()
    assert (finding.name, finding.level) == ("wire", FAILED)
    assert told in finding.text


def test_a_source_that_is_still_on_an_input_without_the_wire_does_not_disturb():
    bench = Bench()
    bench.quiet = "selftest quiet 0 184800000 0 1:2 3:0"
    assert failed(bench.findings()) == set()


@pytest.mark.parametrize(
    "text",
    ["selftest step", "selftest step 0 1 2 3", "selftest step x 1 2 3 1:0:0", "selftest quiet 1 2 0 1:2:3"],
)
def test_marks_that_are_none_are_refused(text):
    with pytest.raises(ProtocolError, match="text of the self-test"):
        Recording().take([Text(text)])


def test_both_links_say_the_same_or_a_torn_read_was_accepted():
    serial, i2c = Bench().recording(), Bench()
    i2c.edges = i2c.edges[50:2000:3]
    i2c.line = LineCounts(frames=30, bad_frames=4)
    finding = compare(serial, i2c.recording(), (3,))
    told = "650 edges as on the serial line, 4 torn or failed reads, 0 accepted"
    assert (finding.level, finding.text) == (OK, told)
    number, tick = i2c.edges[20]
    i2c.edges[20] = (number, tick ^ 0x100)
    finding = compare(serial, i2c.recording(), (3,))
    assert (finding.level, "torn reads accepted" in finding.text) == (FAILED, True)
    assert compare(serial, Recording(), (3,)).text.startswith("no edge came over I2C")
    assert compare(serial, i2c.recording(), (3,), "the bus went away").text == "the bus went away"
    assert exit_status([finding]) == EXIT_FAILED
