"""`emit-instructions`: tiles into PLENA instructions, on values that have no registers yet.

Precondition: tile IR with addresses, one function with attention. Postcondition: the function is a
`plena.kernel` of the same name; its attribute `plena.layout` says where the host puts arguments and
constants and finds results (`machine/host/layout.py`). Equal constant tensors are one region.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xdsl.context import Context
from xdsl.dialects import arith, func, memref, scf
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..diagnostics import OpError
from ..dialects import fa, plena
from ..dialects.fa.discardable_attrs import MASK_TILES, UNFUSED, UNGROUPED
from ..dialects.fa.launch import KERNEL
from ..dialects.fa.promise_attr import promises_of
from ..dialects.fa.types import TileType
from ..dialects.json_attr import encode
from ..dialects.machine_attr import settle_machine
from ..dialects.mx import DequantizeOp, QuantizeOp
from ..dialects.plena.discardable_attrs import INT_MEM_USED, LAYOUT
from ..machine.host.layout import Layout, Region
from ..machine.host.promises import Promise
from ..machine.spec.params import Machine
from ..passes.placement.tile_liveness import stays_in_row_loop
from ..passes.support.loop_affine import Affine, affine, iterations, per_iteration, run_time_end
from .emit import (
    batched_scores,
    hbm_tiles,
    row_ops,
    score_functions,
    shifted_scores,
    systolic_products,
)
from .emit.address_registers import AddressRegisters
from .emit.drop_unread import drop_unread
from .emit.emitter import Emitter
from .emit.float_constants import FloatConstants
from .emit.row_loop import emit_row_loop
from .hbm.constant_tensors import share_constants
from .hbm.plan import outputs, plan, signature
from .instruction_sources import named_location
from .length_entries import LengthEntries, by_panel


@dataclass(frozen=True)
class EmitInstructionsPass(ModulePass):
    """From placed tiles to PLENA instructions without registers."""

    name = "emit-instructions"

    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        # Declarations have no program, and stay.
        functions = [f for f in op.ops if isinstance(f, func.FuncOp) and not f.is_declaration]
        if not functions:
            return
        if len(functions) > 1:
            raise OpError(
                functions[1],
                "a program is made of one function, and this is the second; outline-attention "
                "makes kernels of attentions, and leaves the rest to the host",
            )
        if len(functions[0].body.blocks) > 1:
            raise OpError(functions[0], "a program has no branches; a loop is scf.for")
        share_constants(functions[0])
        kernel, layout = _emit(machine, functions[0])
        drop_unread(kernel)
        kernel.attributes[LAYOUT] = encode(layout.to_json())
        Rewriter.replace_op(functions[0], kernel, [])


def _emit(machine: Machine, function: func.FuncOp) -> tuple[plena.KernelOp, Layout]:
    """A kernel that does what a function does, and where its data lies."""
    used = _sram_used(machine, function)
    regions = plan(machine, function)
    floats = FloatConstants(first=used["fp_mem"])
    kernel = plena.KernelOp(function.sym_name.data)
    kernel.location = function.location
    lengths = LengthEntries.of(machine, function)
    _Lowering(Emitter(machine, kernel, floats), regions, lengths).function(function)
    if lengths.end:
        kernel.attributes[INT_MEM_USED] = IntegerAttr(lengths.end, i64)
    if floats.end > machine.fp_sram_depth:
        raise OpError(
            function,
            f"statistics and constants take {floats.end} entries of FP_MEM, and the machine has "
            f"{machine.fp_sram_depth}; a smaller q-tile needs less",
        )
    layout = Layout(
        function.sym_name.data,
        signature(function),
        tuple(regions.values()),
        outputs(function, regions),
        floats.memory(),
        (),
        {**used, "fp_mem": floats.end},
        _promises(function),
        lengths.given,
    )
    for name in (KERNEL, MASK_TILES, UNFUSED, UNGROUPED):
        if name in function.attributes:
            kernel.attributes[name] = function.attributes[name]
    return kernel, layout


def _promises(function: func.FuncOp) -> tuple[Promise, ...]:
    """What data must be like: what a user has promised, and what goes with soft caps where a step
    does without a maximum because of one."""
    steps = [op for op in function.walk() if isinstance(op, fa.OnlineSoftmaxOp)]
    bounded = any(step.bounded is not None for step in steps)
    return tuple(promise for promise in promises_of(function) if promise.query or bounded)


def _sram_used(machine: Machine, function: func.FuncOp) -> dict[str, int]:
    """The extent of each memory that tiles take: rows, tiles, entries.

    Raises OpError for a tile at an address that the machine does not have: addresses may have been
    written by hand.
    """
    ends = {"vector": 0, "matrix": 0, "scalar": 0}
    units = {"vector": machine.vlen, "matrix": machine.mlen**2, "scalar": 1}
    rooms = {
        "vector": machine.vector_sram_rows * machine.vlen,
        "matrix": machine.matrix_tiles * machine.mlen**2,
        "scalar": machine.fp_sram_depth,
    }
    for op in function.walk():
        for result in op.results:
            if not isinstance(kind := result.type, TileType) or isinstance(op, fa.ViewOp):
                continue
            if kind.at is None and stays_in_row_loop(result):
                continue
            space, end = kind.space.data, kind.placed + kind.elements
            if kind.placed % units[space] or end > rooms[space]:
                raise OpError(
                    op,
                    f"{kind} does not lie in the machine's {space} memory: addresses there are "
                    f"multiples of {units[space]}, and the last element is {rooms[space] - 1}",
                )
            ends[space] = max(ends[space], end)
        scratch: SSAValue | None = getattr(op, "scratch", None)
        if scratch is not None and fa.tile(scratch).cols % machine.vlen:
            raise OpError(op, f"scratch room has rows of VLEN = {machine.vlen} columns")
    return {
        "vector_rows": -(-ends["vector"] // machine.vlen),
        "matrix_tiles": -(-ends["matrix"] // machine.mlen**2),
        "fp_mem": ends["scalar"],
    }


class _Lowering:
    """Walks a function and emits each operation; knows the open loops and the address registers."""

    def __init__(self, emitter: Emitter, regions: dict[SSAValue, Region], lengths: LengthEntries):
        self.e = emitter
        self.lengths = lengths
        self.regions = regions
        self.bases = AddressRegisters(emitter, regions)
        self.counters: dict[SSAValue, tuple[SSAValue, int]] = {}
        # Loops that end where a length says: what they have done, and their step.
        self.done: dict[SSAValue, tuple[SSAValue, int]] = {}
        # Iteration numbers of loops that are none.
        self.known: dict[SSAValue, int] = {}

    def function(self, function: func.FuncOp) -> None:
        """The prologue, the function's body, and in front of it the constants that it needs."""
        e = self.e
        e.location = named_location(function)
        self.bases.prologue()
        block = e.block()
        last = block.last_op
        assert last is not None
        for op in function.body.block.ops:
            e.location = named_location(op)
            self.bases.enter(op)
            self._operation(op)
        e.location = named_location(function)
        e.insert_at(InsertPoint.after(last))
        for value, parts in list(e.floats.computed.items()):
            product = e.float(parts[0])
            for part in parts[1:]:
                product = e.get("S_MUL_FP", product, e.float(part))
            e.do("S_ST_FP", product, e.zero, e.floats.slot(value))

    def _block(self, block: Block) -> None:
        for op in block.ops:
            self.e.location = named_location(op)
            self._operation(op)

    def _operation(self, op: Operation) -> None:
        e = self.e
        match op:
            case scf.ForOp():
                self._loop(op)
            case fa.RowLoopOp():
                emit_row_loop(e, op.steps, op.rows.value.data, op.unroll.value.data)
            case fa.TileOp() if op.row_wise:
                emit_row_loop(e, [op], op.loop_rows, min(op.rows_together, op.loop_rows))
            case fa.LoadOp():
                hbm_tiles.load(e, op, *self._place(op.source, op.indices))
            case fa.StoreOp():
                hbm_tiles.store(e, op, *self._place(op.target, op.indices))
            case fa.ScoresOp() if op.packing is not None:
                batched_scores.scores(e, op)
            case fa.ScoresOp() if op.batched:
                shifted_scores.scores(e, op)
            case fa.ScoresOp():
                systolic_products.scores(e, op)
            case fa.MatmulOp():
                systolic_products.matmul(e, op)
            case fa.FillOp():
                row_ops.fill(e, op)
            case fa.CopyOp():
                row_ops.copy(e, op)
            case fa.ScaleOp():
                row_ops.scale(e, op)
            case fa.MaskOp():
                row_ops.mask(e, op)
            case fa.LimitOp():
                end = by_panel(e.machine, op)
                if end is None:
                    row_ops.limit(e, op, self._left(op))
                else:
                    row_ops.limit_panels(e, op, self._panels_left(op, end))
            case fa.MapOp():
                score_functions.apply_map(e, op)
            case fa.ProbabilitiesOp():
                row_ops.probabilities(e, op)
            case fa.SinkOp():
                row_ops.sink(e, op)
            case fa.SoftmaxOp():
                row_ops.softmax(e, op)
            case fa.AccumulateOp():
                row_ops.accumulate(e, op)
            case fa.LogsumexpOp():
                row_ops.logsumexp(e, op)
            case fa.SpreadOp():
                row_ops.spread(e, op)
            case fa.CollectOp():
                row_ops.collect(e, op)
            case fa.CombineOp():
                row_ops.combine(e, op)
            case (
                arith.ConstantOp() | arith.AddiOp() | arith.MuliOp() | arith.SubiOp()
                | arith.FloorDivSIOp() | memref.AllocOp() | fa.ScratchOp() | fa.ViewOp()
                | fa.LengthOp() | fa.ResultOp() | fa.HostOp() | QuantizeOp() | DequantizeOp()
                | scf.YieldOp() | func.ReturnOp()
            ):  # fmt: skip
                # Indices are computed where they are used; the rest is the host's or the planner's.
                pass
            case _:
                raise OpError(op, f"{op.name} has no form in PLENA instructions")

    def _loop(self, op: scf.ForOp) -> None:
        """A loop as a hardware loop; tiles that it carries stay where they are."""
        steps = iterations(op)
        if not len(steps):
            return
        for argument, initial in zip(op.body.block.args[1:], op.iter_args, strict=True):
            if argument.type != initial.type:
                raise OpError(op, "a carried tile must keep its address; run allocate-sram")
        variable = op.body.block.args[0]
        end = run_time_end(op)
        if end is not None and len(steps) > 1:
            with self.e.loop_to(len(steps), steps.step, lambda: self._length(end)) as counted:
                assert counted.counter is not None
                self.done[variable] = (counted.counter, steps.step)
                self._block(op.body.block)
                self.e.location = named_location(op)
            return
        with self.e.loop(len(steps)) as loop:
            if loop.counter is None:
                self.known[variable] = 0
            else:
                self.counters[variable] = (loop.counter, len(steps))
            self._block(op.body.block)
            self.e.location = named_location(op)

    def _place(
        self, hbm: SSAValue, indices: Sequence[SSAValue]
    ) -> tuple[Region, SSAValue, SSAValue]:
        """Region, address register and byte offset of an access."""
        region = self.regions[hbm]
        offset = hbm_tiles.byte_offset(region, indices)
        return region, self.bases.of(hbm), self._value(offset.at(self.known))

    def _value(self, offset: Affine) -> SSAValue:
        """A register with an affine value of iteration numbers, which are count - counter each."""
        e = self.e
        total, parts, more = offset.constant, list[SSAValue](), list[SSAValue]()
        for variable, factor in offset.terms.items():
            if variable in self.done:
                # It counts up, in steps of its own.
                at, step = self.done[variable]
                assert factor % step == 0, "rows of keys take whole bytes"
                factor //= step
                more.append(at if factor == 1 else e.get("S_MUL_INT", at, e.constant(factor)))
                continue
            counter, count = self.counters[variable]
            total += factor * count
            parts.append(
                counter if factor == 1 else e.get("S_MUL_INT", counter, e.constant(factor))
            )
        value = e.constant(total)
        for part in more:
            value = part if value is e.zero else e.get("S_ADD_INT", value, part)
        for part in parts:
            value = e.get("S_SUB_INT", value, part)
        return value

    def _length(self, op: fa.LengthOp) -> SSAValue:
        """A register with a length, which the host has put into INT_MEM."""
        return self.e.get("S_LD_INT", self._index(op.batch), self.lengths.entry(op))

    def _left(self, op: fa.LimitOp) -> SSAValue:
        """A register with how many keys from the first of a tile on are valid."""
        length = self._length(op.counted)
        col = self._index(op.col)
        return length if col is self.e.zero else self.e.get("S_SUB_INT", length, col)

    def _panels_left(self, op: fa.LimitOp, end: fa.LengthOp) -> Iterator[SSAValue]:
        """Registers with how many keys from the first of each panel on are valid, or more.

        What the host says of the last tile, and the keys behind this tile, of which the last has
        none.
        """
        e = self.e
        after = e.add(self._index(op.col), end.unit)
        behind = e.get("S_SUB_INT", self._length(end), after)
        batch = self._index(end.batch)
        for first in range(0, end.unit, e.machine.vlen):
            last = e.get("S_LD_INT", batch, self.lengths.entry(end, first, e.machine.vlen))
            yield e.get("S_ADD_INT", last, behind)

    def _index(self, value: SSAValue) -> SSAValue:
        """A register with an index."""
        return self._value(per_iteration(affine(value)).at(self.known))
