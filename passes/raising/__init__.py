"""Attention found in the tensor operations of other dialects.

`reader` makes neutral operations of a function (`dialects/foreign`), `axes` follows dimensions
through views, `match` finds softmax(Q K^T) V in them, `masks` names masks, `build` writes
`fa.attention`.
"""
