"""What the words mean: the dialects `fa`, `mx` and `plena`."""
