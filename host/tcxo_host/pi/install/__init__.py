"""What ``tcxo-host install`` writes, and takes away again."""
