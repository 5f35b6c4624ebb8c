"""Storage formats in HBM: `quantize` gives them, `lower_mx` spells them out
in upstream operations.
"""
