"""PTP from the disciplined clock: linuxptp's configuration, and the quality that its server announces."""
