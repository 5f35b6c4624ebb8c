"""What each instruction of a kernel was made from, read off the locations of its operations.

`lower-to-isa` names the tile operation in the location of everything that it emits for it, and the
allocator's copies and spills take the location of the instruction that they serve.
"""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.builtin import LocationAttr, NameLoc, StringAttr, UnknownLoc
from xdsl.ir import Block, Operation

from ..diagnostics import file_position
from ..dialects import plena
from ..machine.program.source_map import Source, SourceMap


def named_location(op: Operation) -> LocationAttr:
    """The location of code emitted for `op`: its name, at the nearest known place around it.

    The name has the first result's with it, because most tile operations of a kernel stand for the
    same line of the source: `fa.load %k`.
    """
    current: Operation | None = op
    while current is not None and file_position(current.location) is None:
        current = current.parent_op()
    place = UnknownLoc() if current is None else current.location
    hint = op.results[0].name_hint if op.results else None
    return NameLoc(StringAttr(f"{op.name} %{hint}" if hint else op.name), place)


def source_of(op: Operation) -> Source:
    """The operation that `op` was emitted for; `op` itself where its location names none."""
    location = op.location
    name = location.desc.data if isinstance(location, NameLoc) else op.name
    return Source(name, file_position(location) or "")


def source_map(kernel: plena.KernelOp) -> SourceMap:
    """The source of every instruction, in the order of the assembly (`assembly.py`)."""
    return SourceMap(_sources(kernel.body.block))


def _sources(block: Block) -> Iterator[Source]:
    for op in block.ops:
        if isinstance(op, plena.LoopOp):
            yield source_of(op)
            yield from _sources(op.body.block)
            # C_LOOP_END belongs to the loop, whatever made the values that it passes on.
            yield source_of(op)
        elif isinstance(op, plena.Emitting):
            yield source_of(op)
