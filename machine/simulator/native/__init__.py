"""The native engine: programs run by C code that is built where there is a C compiler.

`engine.h` says what Python and C share, `loop.h` executes (its units are matrix_unit.h,
vector_unit.h and transfers.h), `dram.c` is the memory's time, `engine.c` what Python calls.
`library.py` loads it all, `records.py` prepares programs, `tables.py` number formats, `session.py`
runs. What the C code does not know, and whatever traps, is left to the plain interpreter.
"""
