"""Passes on `fa.attention` before there are tiles: heads as rows, preparation for low precision."""
