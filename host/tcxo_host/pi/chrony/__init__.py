"""chrony's configuration on this machine."""
