"""Where the Pi's PWM edges lie on its own clock, and with that the GPS second on it, without an interrupt."""
