"""Edge capture firmware for an STM32F4 with a TCXO."""

VERSION = "0.1.0"
# Of every device file but this line: tells a frozen build's source. python -m tcxo_tools.firmware_crc renews it.
SOURCE_CRC32 = 0xE76590D6
