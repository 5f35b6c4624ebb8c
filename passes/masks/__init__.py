"""Masks: what a tile of scores shows, which tiles are empty, full or partial, how keys are cut.

`tile_mask` and `mask_functions` are arithmetic; `mask_sites` says where masks stand in loops;
`problem_size` counts what a mask leaves to compute.
"""
