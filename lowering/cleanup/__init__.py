"""Passes on instructions that have no registers yet; `passes/pipelines` has their order.

`kernel_pass` is what they share, `integer_forms` what is known of integers.
"""
