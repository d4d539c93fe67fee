"""WeAct STM32F4 64-pin core board with an STM32F405: 8 MHz crystal, TIM2 at 84 MHz.

MicroPython has no definition of this board. The TCXO board's serves it, in the stm32 port's folder: make
BOARD=TCXO_DEVBOARD BOARD_DIR=.../boards/TCXO_DEVBOARD TCXO_MHZ=8 FROZEN_MANIFEST=boards/manifest.py, then tcxo-flash.
GPS PPS on A0, RTC PPS on A1, the Pi's PWM on A2; A3 is free. I2C to the Pi: B6 is SCL, B7 SDA. UART 1 on A9 and
A10. USB on A11 and A12. TMP36 output on C0. The self-test's signal comes out of B8 (TIM4). LED on B2, key on C13.
"""

BOARD = {
    "name": "WEACT_F405",
    "machine": "WEACT_F405",  # how its MicroPython calls it (sys.implementation._machine)
    "tick_hz": 84000000,
    "channels": (
        {"id": 1, "role": "gps_pps", "rate_mhz": 1000, "pin": "A0", "edge": "rising"},
        {"id": 2, "role": "rtc_pps", "rate_mhz": 1000, "pin": "A1", "edge": "rising"},
        {"id": 3, "role": "host_pwm", "rate_mhz": 50000, "pin": "A2", "edge": "rising"},
        {"id": 4, "role": "ref_pps", "rate_mhz": 1000, "pin": "A3", "edge": "rising", "enabled": False},
    ),
    "stream": "usb",  # or a UART: (1, 115200), A9 sends and A10 receives
    "i2c": {"bus": 1, "address": 0x55},  # None turns it off
    "tmp36_pin": None,  # "C0" where a TMP36 is fitted
    "mcu_sensors": True,
    "selftest": {"pin": "B8", "timer": 4, "channel": 3},
    "leds": {"single": 1},
}
