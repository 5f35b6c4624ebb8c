"""From attention to loops over tiles, and from three loop nests to one with an online softmax.

`tile_sizes` is the arithmetic, `match_attention` recognises nests by their data flow, `fused_nest`
and `keys_outside` build the loop orders that `fuse` offers.
"""
