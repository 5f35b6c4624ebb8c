"""From allocated `fa` tiles to PLENA assembly."""
