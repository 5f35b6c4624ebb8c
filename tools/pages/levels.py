"""The levels of a kernel's IR as lines of text that know what operation they are.

Lines of different levels belong together where they name the same operation, as instructions do in
their locations (`fa.load %k`), and where they stand for the same place of the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, NameLoc
from xdsl.ir import Operation
from xdsl.passes import ModulePass
from xdsl.printer import Printer

from ...diagnostics import position
from ...dialects import plena
from ...passes.placement.tile_liveness import TileLiveness
from .mask_grid import Grid, mask_grids
from .memories import Tile, tiles_of

MOST_LINES = 6_000
"""Lines of a level of instructions that is shown; of longer programs the assembly is."""

LONGEST = 400
"""Characters of a line that are shown."""


@dataclass(frozen=True)
class Line:
    """One line: its text, the operation that it belongs to and where that stands in the source."""

    text: str
    op: str = ""
    place: str = ""


@dataclass
class Levels:
    """The module after each pass that changed it, and what only a level with tiles tells."""

    stages: list[tuple[str, list[Line]]] = field(default_factory=list["tuple[str, list[Line]]"])
    tiles: list[Tile] = field(default_factory=list[Tile])
    grids: list[Grid] = field(default_factory=list[Grid])
    steps: list[str] = field(default_factory=list[str])
    """The operations of the placed module, the times at which tiles are alive."""

    def __call__(
        self, before: ModulePass | None, module: ModuleOp, after: ModulePass | None
    ) -> None:
        """As `frontends.mlir.Observer`."""
        if after is not None and after.name.removeprefix("fa-") == "specialize-masks":
            for function in _functions(module):
                self.grids += mask_grids(function)
        if before is not None and before.name.removeprefix("fa-") == "allocate-sram":
            for function in _functions(module):
                liveness = TileLiveness.of(function)
                self.steps = [_name(op) for op in liveness.points]
                self.tiles += tiles_of(liveness)
        if _is_long(module):
            return
        lines = lines_of(module)
        if not self.stages or [x.text for x in lines] != [x.text for x in self.stages[-1][1]]:
            self.stages.append(("input" if before is None else before.name, lines))


def _functions(module: ModuleOp) -> Iterator[func.FuncOp]:
    return (op for op in module.ops if isinstance(op, func.FuncOp) and not op.is_declaration)


def _is_long(module: ModuleOp) -> bool:
    kernels = [op for op in module.ops if isinstance(op, plena.KernelOp)]
    return any(sum(1 for _ in kernel.walk()) > MOST_LINES for kernel in kernels)


def lines_of(module: ModuleOp) -> list[Line]:
    """The module as it prints, line by line."""
    printer = _Tracking()
    printer.print_op(module)
    owners: dict[int, Operation] = printer.owners
    lines: list[Line] = []
    for number, text in enumerate(printer.text.getvalue().split("\n")):
        owner = owners.get(number)
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
        if owner is None:
            lines.append(Line(shown))
        else:
            lines.append(Line(shown, _name(owner), _place(owner)))
    return lines


def _name(op: Operation) -> str:
    """What code emitted for `op` calls it, and what an instruction was emitted for."""
    if isinstance(op.location, NameLoc) and isinstance(
        op.parent_op(), plena.KernelOp | plena.LoopOp
    ):
        return op.location.desc.data
    hint = op.results[0].name_hint if op.results else None
    return f"{op.name} %{hint}" if hint else op.name


def _place(op: Operation) -> str:
    return (position(op) or "").rpartition(":")[0]


class _Tracking(Printer):
    """A printer that knows in which line each operation begins."""

    def __init__(self) -> None:
        self.text = StringIO()
        super().__init__(stream=self.text)
        self.owners: dict[int, Operation] = {}
        self._counted = 0
        self._newlines = 0

    def print_op(self, op: Operation) -> None:
        position = self.text.tell()
        self.text.seek(self._counted)
        self._newlines += self.text.read().count("\n")
        self._counted = position
        self.owners.setdefault(self._newlines, op)
        super().print_op(op)
