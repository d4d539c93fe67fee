"""A UART that sends without pause as the host's signal: one rising edge a byte."""
