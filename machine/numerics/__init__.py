"""Numbers as the machine and the OCP formats have them: bf16, MX blocks, sums in
order, roundings.
"""
