"""What the host needs to know: the layout manifest, HBM images, recipes for
arguments and results.
"""
