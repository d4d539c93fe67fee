"""Watchdog, sensors and lights: how the board is, and how it shows. Main-loop code; floats are fine."""

import machine
import pyb

from tcxo.board import ADC_INTERNAL
from tcxo.reports import TEMPERATURE_ABSENT, VOLTAGE_ABSENT

_TMP36_READS = 16
WATCHDOG_MS = 30000  # unless the board's data say otherwise (0: none); the chip counts to 32.8 s at most
_FAULT_SHOWN_S = 10

# Beyond what the chip and the TMP36 can live with.
_SUPPLY_MV = (1500, 4000)
_CDEG = (-4500, 15500)


class Sensors:
    """MCU temperature and supply, and a TMP36 where the board has one."""

    def __init__(self, board):
        self._adc_all = pyb.ADCAll(12, ADC_INTERNAL) if board.get("mcu_sensors") else None
        pin = board.get("tmp36_pin")
        self._tmp36 = pyb.ADC(pyb.Pin(pin)) if pin else None

    def read(self):
        """``(MCU 0.01 degC, external 0.01 degC, supply mV)``, each the value for "absent" where it is."""
        mcu_cdeg = TEMPERATURE_ABSENT
        external_cdeg = TEMPERATURE_ABSENT
        supply_mv = VOLTAGE_ABSENT
        if self._adc_all:
            # The supply first: the port corrects the temperature with it, so that without it that is wrong too.
            supply_mv = _within(self._adc_all.read_vref() * 1000, _SUPPLY_MV, VOLTAGE_ABSENT)
            if supply_mv != VOLTAGE_ABSENT:
                mcu_cdeg = _within(self._adc_all.read_core_temp() * 100, _CDEG, TEMPERATURE_ABSENT)
        if self._tmp36:
            total = 0
            for _ in range(_TMP36_READS):
                total += self._tmp36.read()
            reference_mv = 3300 if supply_mv == VOLTAGE_ABSENT else supply_mv
            millivolt = total * reference_mv / (4095 * _TMP36_READS)
            # 500 mV at 0 degC, 10 mV a degree (data sheet).
            external_cdeg = _within((millivolt - 500) * 10, _CDEG, TEMPERATURE_ABSENT)
        return mcu_cdeg, external_cdeg, supply_mv


def _within(value, limits, absent):
    """``value`` as an integer, or ``absent``: a chip whose calibration words are erased or zero gives nonsense, inf
    and NaN."""
    return round(value) if limits[0] <= value <= limits[1] else absent


class Watchdog:
    """Resets a board whose loop or counter stands still. Fed once a second; cannot be stopped."""

    def __init__(self, timeout_ms):
        self._wdt = machine.WDT(timeout=timeout_ms) if timeout_ms else None
        self._last_tick = -1

    def feed(self, tick):
        """``tick``: the counter now. A counter that does not move gets no food either."""
        if self._wdt and tick != self._last_tick:
            self._wdt.feed()
        self._last_tick = tick

    def feed_from_now_on(self):
        """For the REPL, where no loop turns: a soft timer feeds, until the next soft reset."""
        if self._wdt:
            wdt = self._wdt
            machine.Timer(-1, period=1000, mode=machine.Timer.PERIODIC, callback=lambda timer: wdt.feed())


class Lights:
    """What the LEDs say: ``streaming`` toggles every second, ``no_gps`` and ``fault`` are lit while so.

    A board with a ``single`` LED: on = streaming, blinking = no GPS, off = no reader or a fault.
    """

    def __init__(self, leds):
        self._leds = {name: pyb.LED(number) for name, number in leds.items()}
        self._is_odd = False
        self._faults = 0
        self._fault_s = 0

    def show(self, is_streaming, has_gps, faults, is_broken=False):
        """Once a second. ``faults``: overcaptures and ring drops so far; new ones are shown for 10 s.

        ``is_broken``: there is a fault as long as it lasts.
        """
        self._is_odd = not self._is_odd
        self._fault_s = _FAULT_SHOWN_S if faults != self._faults else max(0, self._fault_s - 1)
        self._faults = faults
        is_fault = self._fault_s > 0 or is_broken
        self._set("streaming", is_streaming and self._is_odd)
        self._set("no_gps", not has_gps)
        self._set("fault", is_fault)
        self._set("single", is_streaming and not is_fault and (has_gps or self._is_odd))

    def _set(self, name, is_on):
        led = self._leds.get(name)
        if led:
            if is_on:
                led.on()
            else:
                led.off()
