"""A crystal oven of the Pi itself: learn how the crystal follows the CPU's temperature, then hold that steady."""
