"""Edge capture firmware for an STM32F4 with a TCXO."""

VERSION = "0.1.0"
