"""WeAct Black Pill that counts a 10 MHz clock from outside (OCXO, rubidium, GPSDO) instead of its own crystal.

The clock, a 3.3 V square wave, on A15 (TIM2_ETR; A0 is the board's key). GPS PPS on A1, the Pi's
PWM on B10, RTC PPS on A3; channel 1 has no pin left, because its pins are ETR's. I2C to the Pi: B6 is SCL, B7 SDA (the
board has no pull-ups: the Pi has). TMP36 output on B0. There is no self-test with a clock from outside: run it with
WEACT_F411_BLACKPILL, whose signal comes out of B8, before the module is wired.
"""

BOARD = {
    "name": "WEACT_F411_10MHZ",
    "machine": "WEACT_F411_BLACKPILL",  # how its MicroPython calls it (sys.implementation._machine)
    "variant_of": "WEACT_F411_BLACKPILL",  # the same machine with other wires: only tcxo-flash --board chooses it
    "tick_hz": 10000000,
    "clock": {"pin": "A15", "hz": 10000000, "divide": 1},  # at most 24 MHz after dividing by 1, 2, 4 or 8
    "channels": (
        {"id": 2, "role": "gps_pps", "rate_mhz": 1000, "pin": "A1", "edge": "rising"},
        {"id": 3, "role": "host_pwm", "rate_mhz": 50000, "pin": "B10", "edge": "rising"},
        {"id": 4, "role": "rtc_pps", "rate_mhz": 1000, "pin": "A3", "edge": "rising"},
    ),
    "stream": "usb",  # no UART: 1 is the REPL's, 2 has the RTC's pin
    "i2c": {"bus": 1, "address": 0x55},  # None turns it off
    "tmp36_pin": None,  # "B0" where a TMP36 is fitted
    "mcu_sensors": True,
    "selftest": None,
    "leds": {"single": 1},
}
