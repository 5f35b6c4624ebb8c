"""Passes: IR in, IR of the same or the next level out, one file a pass, in rooms by subject.

`pipelines` has the order of all passes, by name. Arithmetic that needs no IR stands in plain
modules beside the passes that call it. Rooms import from `support`, from rooms that come before
them in a compilation, from `dialects` and from `machine`; never from `lowering`.
"""
