"""What passes of several rooms share: affine indices, def-use walks, building tiles, roles.

Imports nothing from other rooms.
"""
