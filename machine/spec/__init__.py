"""What the machine is: instruction table, encoding, parameters, number formats, presets.

Everything else in `machine` reads it, and it reads nothing of them.
"""
