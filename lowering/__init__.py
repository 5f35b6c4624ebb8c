"""From tiles to PLENA instructions, and from instructions to text and words.

`emit_instructions` is the pass, `lower_to_isa` the whole way; `hbm` plans memory, `emit` writes
instructions, `cleanup` improves them, `registers` allocates and checks. `assembly` prints,
`raising` reads words back into IR. May import `passes`, `dialects` and `machine`.
"""
