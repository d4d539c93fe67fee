"""The names of the checks that ``pi3_pwm.py`` reports."""

STATES: dict[str, tuple[object, ...]] = {
    "left-disabled": (True, 20_000_000, 10_000_000),
    "exported-by-another": (True,),
    "wrong-period": (True, 1_000_000, 500_000),
    "long-duty": (True, 100_000_000, 90_000_000),
    "enabled-at-another-rate": (True, 1_000_000, 250_000, 1),
    "enabled-wrong-duty": (True, 20_000_000, 1_000, 1),
    "inverted": (True, 20_000_000, 10_000_000, 1, "inversed"),
    "kept-over-unexport": (False, 5_000_000, 2_000_000, 1),
}
"""Starting states of channel 0: exported, period, duty cycle, enable, polarity."""

UART_CHECKS = (
    *(
        "uart-found",
        "uart-mini-refused",
        "uart-speed",
        "uart-buffer",
        "uart-underrun",
        "uart-login",
        "uart-start",
    ),
)
CHECKS = ("without-driver", "first-setup", *STATES, "kernel-as-fake", "as-nobody", "off", "command", "clock")
