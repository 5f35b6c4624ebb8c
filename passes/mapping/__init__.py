"""Which instructions do the products, what lies where for them, and the search among the ways.

`map` does it; `packed_queries`, `sums_by_ones`, `sums_by_columns` and `arrange_arguments` are its
rewrites, `family_costs` its prices. `candidates` lists and ranks whole pipelines, `tuning_cache`
remembers what was chosen.
"""
