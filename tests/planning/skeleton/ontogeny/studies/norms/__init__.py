"""How the weights grow."""
