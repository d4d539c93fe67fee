"""What concerns this Pi itself: its PWM, its quiet, its temperature."""
