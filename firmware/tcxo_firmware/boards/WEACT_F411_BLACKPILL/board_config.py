"""WeAct Black Pill: STM32F411, 25 MHz crystal, TIM2 at 96 MHz.

GPS PPS on A15, RTC PPS on A1, the Pi's PWM on B10; A3 is free. A0 is the board's key, A5 to A7 belong to
the optional flash chip. I2C to the Pi: B6 is SCL, B7 SDA (the board has no pull-ups: the Pi has).
TMP36 output on B0. The self-test's signal comes out of B8 (TIM4).
"""

BOARD = {
    "name": "WEACT_F411_BLACKPILL",
    "machine": "WEACT_F411_BLACKPILL",  # how its MicroPython calls it (sys.implementation._machine)
    "tick_hz": 96000000,
    "channels": (
        {"id": 1, "role": "gps_pps", "rate_mhz": 1000, "pin": "A15", "edge": "rising"},
        {"id": 2, "role": "rtc_pps", "rate_mhz": 1000, "pin": "A1", "edge": "rising"},
        {"id": 3, "role": "host_pwm", "rate_mhz": 50000, "pin": "B10", "edge": "rising"},
        {"id": 4, "role": "ref_pps", "rate_mhz": 1000, "pin": "A3", "edge": "rising", "enabled": False},
    ),
    "stream": "usb",  # or a UART: (2, 115200), A2 sends and A3 receives; 1 is the REPL's
    "i2c": {"bus": 1, "address": 0x55},  # None turns it off
    "tmp36_pin": None,  # "B0" where a TMP36 is fitted
    "mcu_sensors": True,
    "selftest": {"pin": "B8", "timer": 4, "channel": 3},
    "leds": {"single": 1},
}
