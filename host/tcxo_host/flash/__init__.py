"""The command ``tcxo-flash``: the firmware onto a board."""
