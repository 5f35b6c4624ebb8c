"""Remarks: what passes did, what they left undone and why, each at a place of the source.

Read off the module after each pass, so passes need not know of them. The kinds are LLVM's, and so
is the YAML: `passed` (done), `missed` (not done, or at a price), `analysis` (figures).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from ..diagnostics import position
from ..dialects.discardable_attrs import attribute_of
from ..dialects.fa.discardable_attrs import UNFUSED, UNGROUPED

if TYPE_CHECKING:
    from ..dialects import plena

Kind = Literal["passed", "missed", "analysis"]


@dataclass(frozen=True)
class Remark:
    """One thing that was or was not done by the pass `by`; `name` says what kind of thing."""

    kind: Kind
    by: str
    name: str
    message: str
    location: str | None = None
    """`file:line:col` of the source, where it is known."""
    function: str = ""

    @property
    def body(self) -> str:
        """The remark without its place."""
        return f"{self.by}: {self.message} [{self.kind}]"

    def text(self, tool: str) -> str:
        """The line to print, with `tool` for a place where there is none."""
        return f"{self.location or tool}: remark: {self.body}"

    def yaml(self) -> str:
        """A YAML document as LLVM's optimisation remarks are, which its viewers read."""
        lines = [
            f"--- !{self.kind.capitalize()}",
            f"Pass:            {json.dumps(self.by)}",
            f"Name:            {self.name}",
        ]
        file, _, rest = (self.location or "").rpartition(":")
        file, _, line = file.rpartition(":")
        if file and line.isdecimal() and rest.isdecimal():
            place = f"{{ File: {json.dumps(file)}, Line: {line}, Column: {rest} }}"
            lines.append(f"DebugLoc:        {place}")
        lines += [
            f"Function:        {json.dumps(self.function)}",
            "Args:",
            f"  - String:          {json.dumps(self.message)}",
            "...",
        ]
        return "\n".join(lines) + "\n"


@dataclass
class _Size:
    """A kernel's instructions in the program, those it executes, and its loops."""

    static: int
    executed: int
    loops: int

    @classmethod
    def of(cls, kernel: plena.KernelOp) -> _Size:
        from ..lowering.cleanup.kernel_pass import loops_of
        from ..lowering.cleanup.limit_loops import emitted, executed

        block = kernel.body.block
        return cls(emitted(block), executed(block), len(loops_of(block)))


class RemarkObserver:
    """Follows a pipeline and hands each remark to `report`, none twice."""

    def __init__(self, report: Callable[[Remark], None]):
        self._report = report
        self._said: set[Remark] = set()
        self._before: dict[str, _Size] = {}

    def __call__(
        self, before: ModulePass | None, module: ModuleOp, after: ModulePass | None
    ) -> None:
        """As `frontends.mlir.Observer`."""
        if before is not None:
            self.say(self._of(before.name.removeprefix("fa-"), module))

    def say(self, remarks: Iterable[Remark]) -> None:
        """Report those that have not been."""
        for remark in remarks:
            if remark not in self._said:
                self._said.add(remark)
                self._report(remark)

    def _of(self, name: str, module: ModuleOp) -> Iterator[Remark]:
        from ..dialects import plena

        for op in module.ops:
            if isinstance(op, func.FuncOp) and not op.is_declaration and name in _ON_TILES:
                yield from _ON_TILES[name](op)
            if isinstance(op, plena.KernelOp):
                yield from self._on_kernel(name, op)

    def _on_kernel(self, name: str, kernel: plena.KernelOp) -> Iterator[Remark]:
        size, title = _Size.of(kernel), kernel.sym_name.data
        earlier, self._before[title] = self._before.get(title), size
        where = position(kernel)

        def remark(kind: Kind, what: str, message: str) -> Remark:
            return Remark(kind, name, what, message, where, title)

        if name == "emit-instructions":
            yield remark(
                "analysis",
                "Emitted",
                f"{size.static:,} instructions, {size.executed:,} executed, {size.loops:,} loops",
            )
        elif earlier is not None and size != earlier:
            loops = f", {earlier.loops:,} to {size.loops:,} loops" if size.loops else ", no loop"
            yield remark(
                "passed",
                "Rewritten",
                f"{earlier.static:,} to {size.static:,} instructions, "
                f"{earlier.executed:,} to {size.executed:,} executed"
                + (loops if size.loops != earlier.loops else ""),
            )
        if name == "limit-loops":
            yield from _unrolled(kernel, remark)
        if name == "allocate-registers":
            yield from _registers(kernel, remark)


Make = Callable[[Kind, str, str], Remark]


def _unrolled(kernel: plena.KernelOp, remark: Make) -> Iterator[Remark]:
    from ..dialects.json_attr import decode
    from ..dialects.plena.discardable_attrs import UNROLLED_LOOPS

    attribute = attribute_of(kernel, UNROLLED_LOOPS)
    if attribute is None:
        return
    for entry in cast("Sequence[Mapping[str, int]]", decode(attribute)):
        yield remark(
            "missed",
            "Unrolled",
            f"a loop of {entry['iterations']:,} iterations is unrolled: one executes "
            f"{entry['instructions']:,} instructions, more than the machine allows",
        )


def _registers(kernel: plena.KernelOp, remark: Make) -> Iterator[Remark]:
    from ..dialects.plena.discardable_attrs import NOT_CLEANED_UP
    from ..lowering.report import kernel_slots

    spilled = kernel_slots(kernel) - kernel.int_mem_used
    if spilled:
        yield remark("missed", "Spilled", f"values spilled to {spilled} entries of INT_MEM")
    else:
        yield remark("passed", "Allocated", "no value is spilled")
    reason = attribute_of(kernel, NOT_CLEANED_UP)
    if isinstance(reason, StringAttr):
        yield remark("missed", "NotCleanedUp", f"left as it was emitted: {reason.data}")


def _group_heads(function: func.FuncOp) -> Iterator[Remark]:
    reason = attribute_of(function, UNGROUPED)
    if isinstance(reason, StringAttr):
        yield _on(function, "missed", "group-heads", "NotGrouped", reason.data)


def _fuse(function: func.FuncOp) -> Iterator[Remark]:
    from ..dialects import fa

    reason = attribute_of(function, UNFUSED)
    if isinstance(reason, StringAttr):
        yield _on(function, "missed", "fuse", "NotFused", f"not fused: {reason.data}")
    for op in function.walk():
        if isinstance(op, fa.OnlineSoftmaxOp):
            message = "scores, softmax and values are one nest; no scores go to HBM"
            yield _on(op, "passed", "fuse", "Fused", message)


def _map(function: func.FuncOp) -> Iterator[Remark]:
    from ..dialects import fa

    for op in function.walk():
        if isinstance(op, fa.ScoresOp | fa.MatmulOp):
            what = "Q K^T" if isinstance(op, fa.ScoresOp) else "P V"
            family = op.properties.get("family")
            if family is None:
                yield _on(op, "missed", "map", "NotMapped", f"{what} by the default family")
            else:
                name = str(family).partition("<")[2].rstrip(">") or str(family)
                yield _on(op, "passed", "map", "Mapped", f"{what} by {name}")
        elif isinstance(op, fa.RepackOp):
            message = "four rows of P share lanes"
            yield _on(op, "passed", "map", "Packed", message)


def _masks(function: func.FuncOp) -> Iterator[Remark]:
    from ..passes.masks.mask_counts import mask_tiles

    for count in mask_tiles(function):
        if count.masked:
            title, where = function.sym_name.data, count.where or None
            yield Remark("passed", "specialize-masks", "Skipped", str(count), where, title)


def _row_loops(function: func.FuncOp) -> Iterator[Remark]:
    from ..dialects import fa

    for op in function.walk():
        if isinstance(op, fa.RowLoopOp):
            rows, names = op.rows.value.data, [each.name for each in op.body.block.ops]
            message = f"{rows} rows together: {', '.join(dict.fromkeys(names))}"
            yield _on(op, "passed", "schedule-rows", "RowLoop", message)


_ON_TILES: dict[str, Callable[[func.FuncOp], Iterator[Remark]]] = {
    "group-heads": _group_heads,
    "fuse": _fuse,
    "map": _map,
    "specialize-masks": _masks,
    "schedule-rows": _row_loops,
}


def _on(op: Operation, kind: Kind, by: str, name: str, message: str) -> Remark:
    current: Operation | None = op
    while current is not None and not isinstance(current, func.FuncOp):
        current = current.parent_op()
    return Remark(kind, by, name, message, position(op), current.sym_name.data if current else "")
