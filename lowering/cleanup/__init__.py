"""Passes on instructions that have no registers yet; `pipeline` has their order.

`kernel_pass` is what they share, `integer_forms` what is known of integers.
"""
