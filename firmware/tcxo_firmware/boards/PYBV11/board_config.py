"""pyboard v1.1: STM32F405, 12 MHz crystal (or a TCXO in its place), TIM2 at 84 MHz.

GPS PPS on X1 (PA0), RTC PPS on X2 (PA1), the Pi's PWM on X3 (PA2); X4 (PA3) is free. I2C to the Pi:
X9 (PB6) is SCL, X10 (PB7) SDA. TMP36 output on X8. LED 3 is left alone: it shares TIM2.
The self-test's signal comes out of Y3 (PB8, TIM4).
"""

BOARD = {
    "name": "PYBV11",
    "machine": "PYBv1.1",  # how its MicroPython calls it (sys.implementation._machine)
    "tick_hz": 84000000,
    "channels": (
        {"id": 1, "role": "gps_pps", "rate_mhz": 1000, "pin": "X1", "edge": "rising"},
        {"id": 2, "role": "rtc_pps", "rate_mhz": 1000, "pin": "X2", "edge": "rising"},
        {"id": 3, "role": "host_pwm", "rate_mhz": 50000, "pin": "X3", "edge": "rising"},
        {"id": 4, "role": "ref_pps", "rate_mhz": 1000, "pin": "X4", "edge": "rising", "enabled": False},
    ),
    "stream": "usb",  # or a UART: (6, 115200), Y1 sends and Y2 receives
    "i2c": {"bus": 1, "address": 0x55},  # None turns it off
    "tmp36_pin": None,  # "X8" where a TMP36 is fitted
    "mcu_sensors": True,
    "selftest": {"pin": "Y3", "timer": 4, "channel": 3},
    "leds": {"no_gps": 1, "streaming": 2, "fault": 4},
}
