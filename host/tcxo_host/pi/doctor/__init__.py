"""The checks of ``tcxo-host doctor``."""
