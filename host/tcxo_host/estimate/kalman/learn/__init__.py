"""What is learned of the board at hand: noise levels and the TCXO's temperature. Pure."""
