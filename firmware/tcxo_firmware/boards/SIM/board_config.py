"""The simulated board: wired as a pyboard, every sensor present."""

BOARD = {
    "name": "SIM",
    "machine": "linux",  # how its MicroPython calls it (sys.implementation._machine)
    "tick_hz": 84000000,
    "channels": (
        {"id": 1, "role": "gps_pps", "rate_mhz": 1000, "pin": "X1", "edge": "rising"},
        {"id": 2, "role": "rtc_pps", "rate_mhz": 1000, "pin": "X2", "edge": "rising"},
        {"id": 3, "role": "host_pwm", "rate_mhz": 50000, "pin": "X3", "edge": "rising"},
        {"id": 4, "role": "aux", "rate_mhz": 0, "pin": "X4", "edge": "rising", "enabled": False},
    ),
    "stream": "usb",
    "i2c": {"bus": 1, "address": 0x55},
    "tmp36_pin": "X8",
    "mcu_sensors": True,
    "selftest": {"pin": "Y3", "timer": 4, "channel": 3},
    "leds": {"streaming": 2, "no_gps": 1, "fault": 4},
}
