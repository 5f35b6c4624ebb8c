"""What operations compute, with numpy: tiles and attention, tensors, scalar functions.

`fa` runs every level above instructions, by the arithmetic of `reference`; `linalg` runs upstream
operations on tensors, `scalar_functions` the regions of masks and scores. May import the dialects.
"""
