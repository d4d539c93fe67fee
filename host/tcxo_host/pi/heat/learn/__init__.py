"""From a slow sweep to the crystal's curve over temperature. Pure."""
