"""The daemon and commands on the Raspberry Pi."""
