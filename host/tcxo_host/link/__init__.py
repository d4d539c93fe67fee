"""Bytes in: a board over a serial line or I2C, behind one interface."""
