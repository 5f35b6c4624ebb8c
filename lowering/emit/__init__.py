"""Instructions for each operation on tiles.

`emitter` inserts instructions; the files beside it are one for each kind of work: transfers,
matrix operands, products, rows, score functions, constants.
"""
