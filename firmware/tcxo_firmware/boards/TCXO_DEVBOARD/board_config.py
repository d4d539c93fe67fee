"""TCXO development board: STM32F405 with a 26 or 12 MHz TCXO into OSC_IN (bypass), TIM2 at 84 MHz.

GPS PPS on A0, RTC PPS on A1, the Pi's PWM on A2; A3 is free. I2C to the Pi: B6 is SCL, B7 SDA. UART 1
on A9 and A10. TMP36 output on C0. LEDs to ground on B12 (green), B13 (red) and B14 (blue).
The self-test's signal comes out of B8 (TIM4).
"""

BOARD = {
    "name": "TCXO_DEVBOARD",
    "machine": "TCXO_DEVBOARD",  # how its MicroPython calls it (sys.implementation._machine)
    "tick_hz": 84000000,
    "channels": (
        {"id": 1, "role": "gps_pps", "rate_mhz": 1000, "pin": "A0", "edge": "rising"},
        {"id": 2, "role": "rtc_pps", "rate_mhz": 1000, "pin": "A1", "edge": "rising"},
        {"id": 3, "role": "host_pwm", "rate_mhz": 50000, "pin": "A2", "edge": "rising"},
        {"id": 4, "role": "ref_pps", "rate_mhz": 1000, "pin": "A3", "edge": "rising", "enabled": False},
    ),
    "stream": "usb",  # or a UART: (1, 115200), A9 sends and A10 receives
    "i2c": {"bus": 1, "address": 0x55},  # None turns it off
    "tmp36_pin": "C0",
    "mcu_sensors": True,
    "selftest": {"pin": "B8", "timer": 4, "channel": 3},
    "leds": {"streaming": 1, "no_gps": 2, "fault": 3},
}
