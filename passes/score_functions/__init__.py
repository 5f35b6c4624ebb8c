"""Functions of scores: what depends on places becomes tables, the rest vector instructions."""
