"""``tcxo-host simulate``: the real daemon and firmware against simulated oscillators."""
