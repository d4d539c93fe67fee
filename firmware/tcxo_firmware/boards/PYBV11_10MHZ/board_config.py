"""pyboard v1.1 that counts a 10 MHz clock from outside (OCXO, rubidium, GPSDO) instead of its own crystal.

The clock, a 3.3 V square wave, on X6 (PA5, TIM2_ETR). GPS PPS on X2 (PA1), the Pi's PWM on X3
(PA2), RTC PPS on X4 (PA3); channel 1 has no pin left, because its pins are ETR's. I2C to the Pi: X9 (PB6) is SCL, X10
(PB7) SDA. TMP36 output on X8. LED 3 is left alone: it shares TIM2. There is no self-test with a clock from outside:
run it with PYBV11, whose signal comes out of Y3, before the module is wired.
"""

BOARD = {
    "name": "PYBV11_10MHZ",
    "machine": "PYBv1.1",  # how its MicroPython calls it (sys.implementation._machine)
    "variant_of": "PYBV11",  # the same machine with other wires: only tcxo-flash --board chooses it
    "tick_hz": 10000000,
    "clock": {"pin": "X6", "hz": 10000000, "divide": 1},  # at most 21 MHz after dividing by 1, 2, 4 or 8
    "channels": (
        {"id": 2, "role": "gps_pps", "rate_mhz": 1000, "pin": "X2", "edge": "rising"},
        {"id": 3, "role": "host_pwm", "rate_mhz": 50000, "pin": "X3", "edge": "rising"},
        {"id": 4, "role": "rtc_pps", "rate_mhz": 1000, "pin": "X4", "edge": "rising"},
    ),
    "stream": "usb",  # or a UART: (6, 115200), Y1 sends and Y2 receives
    "i2c": {"bus": 1, "address": 0x55},  # None turns it off
    "tmp36_pin": None,  # "X8" where a TMP36 is fitted
    "mcu_sensors": True,
    "selftest": None,
    "leds": {"no_gps": 1, "streaming": 2, "fault": 4},
}
