"""``tcxo-host prove``: what the user's own machine says of the crystal and of the benefit."""
