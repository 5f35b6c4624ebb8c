"""What the words mean: operations, types and attributes, and what each of them computes.

`fa` (attention, tiles, online softmax), `mx` (storage formats) and `plena` (instructions) are
dialects; `interpreters` runs them with numpy. Three attributes that any module may bear stand here:
the machine, the target of optimisation, and JSON values. May import from `machine` only.
"""
