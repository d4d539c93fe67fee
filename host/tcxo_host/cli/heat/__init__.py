"""``tcxo-host heat``."""
