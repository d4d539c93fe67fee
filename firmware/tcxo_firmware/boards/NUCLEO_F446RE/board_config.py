"""NUCLEO-F446RE: STM32F446, TIM2 at 84 MHz, clocked by the 8 MHz that its ST-Link puts out.

Those 8 MHz are no good reference: they are those of the ST-Link's ordinary crystal, put out by its MCO pin. Take them
for a first try; then bring a TCXO of 8 MHz to OSC_IN (PH0) by the board's solder bridges (ST's UM1724, "OSC clock
supply"), or a 10 MHz clock to ETR as PYBV11_10MHZ does (PA15 is free). GPS PPS on PA0, RTC PPS on PA1, the Pi's PWM on
PB10; PB2 is free. The USB cable of the ST-Link ends at UART 2 (PA2, PA3), which is MicroPython's prompt: what is
measured leaves by UART 6, PC6 sends and PC7 receives, or by I2C: PB8 is SCL, PB9 SDA. TMP36 output on PC0.
There is no self-test, which needs a USB port of the board's own. LED LD2.
"""

BOARD = {
    "name": "NUCLEO_F446RE",
    "machine": "NUCLEO-F446RE",  # how its MicroPython calls it (sys.implementation._machine)
    "tick_hz": 84000000,
    "channels": (
        {"id": 1, "role": "gps_pps", "rate_mhz": 1000, "pin": "PA0", "edge": "rising"},
        {"id": 2, "role": "rtc_pps", "rate_mhz": 1000, "pin": "PA1", "edge": "rising"},
        {"id": 3, "role": "host_pwm", "rate_mhz": 50000, "pin": "PB10", "edge": "rising"},
        {"id": 4, "role": "ref_pps", "rate_mhz": 1000, "pin": "PB2", "edge": "rising", "enabled": False},
    ),
    "stream": (6, 115200),  # PC6 sends and PC7 receives; the board has no USB port of its own
    "i2c": {"bus": 1, "address": 0x55},  # None turns it off
    "tmp36_pin": None,  # "PC0" where a TMP36 is fitted
    "mcu_sensors": True,
    "selftest": None,
    "leds": {"single": 1},
}
