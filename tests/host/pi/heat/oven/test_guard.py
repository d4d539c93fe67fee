"""Each reason to stop, planted in a running oven: nothing burns afterwards, and nothing starts again by itself."""

import dataclasses

import pytest
from tcxo_host.cli.machine.heat.simulated import SimulatedPi
from tcxo_host.pi.heat.follow import follow
from tcxo_host.pi.heat.learn.sweep import Sweep
from tcxo_host.pi.heat.oven.guard import Guard, Limits
from tcxo_host.pi.heat.oven.oven import Oven
from tcxo_host.pi.heat.oven.reading import Reading

CORES = frozenset({1, 2, 3})
AT_S = 600.0


def celsius(value):
    return lambda reading: dataclasses.replace(reading, temperature_c=value)


def flags(value):
    return lambda reading: dataclasses.replace(reading, throttled=value)


class Stuck:
    """The sensor stays where it is, whatever burns."""

    def __init__(self):
        self.celsius = None

    def __call__(self, reading):
        self.celsius = self.celsius or reading.temperature_c
        return celsius(self.celsius)(reading)


def offset(kelvin):
    return lambda reading: dataclasses.replace(reading, temperature_c=reading.temperature_c + kelvin)


FAULTS = {
    "hard limit": (celsius(75.0), "75.0 °C: the limit is 75 °C"),
    "limit by a jump": (celsius(99.0), "99.0 °C: the limit is 75 °C"),
    "no reading": (celsius(None), "no temperature for 3 s"),
    "no number": (celsius(float("nan")), "no temperature for 3 s"),
    "sensor broken": (celsius(-127.0), "no Pi is so cold"),
    "jump up": (offset(12.0), "the sensor jumped from"),
    "jump down": (offset(-12.0), "the sensor jumped from"),
    "stuck": (Stuck, "the sensor is stuck"),
    "under-voltage": (flags(0x1), "under-voltage"),
    "under-voltage, gone again": (flags(0x10000), "under-voltage, for a moment"),
    "capped": (flags(0x2), "the ARM clock is capped"),
    "throttled": (flags(0x4), "throttled"),
    "soft limit": (flags(0x80008), "soft temperature limit"),
    "flags gone": (flags(None), "flags can no longer be read"),
}


@pytest.mark.parametrize("brain", ["oven", "sweep"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_stops_it(name, brain):
    change, words = FAULTS[name]
    change = change() if change is Stuck else change
    told = []
    pi = SimulatedPi(spoil=lambda reading: change(reading) if reading.t_s > AT_S else reading)
    burn = pi.burn
    pi.burn = lambda shares: (told.append((pi.t_s, sum(shares))), burn(shares))
    made = Oven(CORES, 58.0) if brain == "oven" else Sweep(CORES, 3600.0, 3600.0)
    stop = follow(pi, made, "test", lambda *_: None, lambda r: r.t_s > AT_S + 1200)
    assert words in stop
    assert any(shares > 0 for _, shares in told if _ < AT_S), "it burned before"
    assert told[-1][1] == 0.0
    patience_s = {"no reading": 4.0, "no number": 4.0, "stuck": 1200.0}.get(name, 0.5)
    assert pi.t_s - AT_S <= patience_s
    healthy = dataclasses.replace(
        SimulatedPi().read(), t_s=pi.t_s + 3600, temperature_c=40.0
    )  # all is well again: that is for people to decide
    assert made.step(healthy).stop == stop
    assert sum(made.step(healthy).shares) == 0.0


def test_what_happened_before_the_start_is_no_reason():
    guard = Guard()
    readings = (Reading(n * 0.25, 50.0, (0.0,), (0.0,), 0x50005 & 0x70000) for n in range(20))
    assert {guard.check(each) for each in readings} == {""}


def test_a_warm_start_at_the_limit_burns_nothing():
    assert "limit" in Guard(Limits(limit_c=60.0)).check(Reading(0.0, 61.0, (0.0,), (0.0,), 0))


def test_a_sensor_that_never_spoke_is_no_sensor():
    guard = Guard()
    checks = [guard.check(Reading(n * 0.25, None, (0.0,), (0.0,), 0)) for n in range(20)]
    assert (checks[0], checks[-1]) == ("", "no temperature for 3 s")


def test_a_coarse_sensor_that_rests_is_not_stuck():
    """Hours at the same step with the same power."""
    guard = Guard()
    assert {guard.check(Reading(float(n), 50.0, (0.5,), (0.5,), 0)) for n in range(7200)} == {""}
