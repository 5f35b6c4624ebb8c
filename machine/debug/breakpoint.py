"""Running a program up to an instruction, and the machine's registers as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np

from ..hbm.transfer_timer import HbmTime, TransferUnit
from ..numerics.bf16 import bf16_to_f32
from ..program.loop_nest import Loop, Node, Structure
from ..program.program import Program
from ..simulator.engine import Progress
from ..simulator.engines import Engine, engine_for
from ..simulator.interpreter import Interpreter
from ..simulator.prepared import Prepared, prepared
from ..simulator.state import State
from ..simulator.translate import translate
from ..simulator.translated_runtime import Kernels, Stopped, stop
from ..spec.cost_tables import table_named


class NotReached(ValueError):
    """A breakpoint at which the program never arrives."""


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """A loop in which the machine is: pc of its C_LOOP_START, and its counter's register."""

    start: int
    register: int
    count: int


@dataclass(frozen=True)
class Break:
    """Where a run stopped: before the first execution of the instruction at `pc`.

    `executed` instructions came before it and took `cycles`; `loops` are open, outermost first.
    """

    pc: int
    instruction: str
    executed: int
    cycles: int
    loops: tuple[OpenLoop, ...]


def run_until(
    words: Iterable[int],
    state: State,
    pc: int,
    hbm_time: HbmTime = "exact",
    progress: Progress | None = None,
    engine: Engine = "auto",
    table: str = "emulator",
    blocking: bool = False,
) -> Break:
    """Run a program on `state` until it first comes to `pc`; `table` and `blocking` are as for
    `Simulator.run`.

    Raises NotReached where it never does, and Trap where the machine stops before.
    """
    costs = table_named(table)
    program = prepared(words, state.machine, costs.blocking() if blocking else costs)
    if not 0 <= pc < len(program.words):
        raise NotReached(f"there is no pc {pc}: the program has pcs 0 to {len(program.words) - 1}")
    program.check_load()
    name = engine_for(engine, program, hbm_time)
    if name == "native":
        return _run_native(program, state, pc, hbm_time, progress)
    unit = TransferUnit(len(program.words), hbm_time, program.table, state.machine)
    interpreter = Interpreter(program, state, unit)
    structure = program.structure if name == "numpy" else None
    if structure is None:
        with np.errstate(all="ignore"):
            while interpreter.pc != pc:
                if interpreter.pc >= len(program.words):
                    raise NotReached(f"the program ends without coming to pc {pc}")
                interpreter.step()
                if progress is not None and interpreter.executed % 10_000 == 0:
                    progress(interpreter.executed, None)
        loops = tuple(
            OpenLoop(start, register, _count(program, start))
            for start, register in interpreter.open_loops()
        )
        return Break(pc, program.text(pc), interpreter.executed, interpreter.cycles, loops)
    _run_translated(program, structure, interpreter, pc, progress)
    counts = [0] * len(program.words)
    loops = tuple(_before(structure.nodes, pc, counts))
    cycles = sum(count * each for count, each in zip(counts, program.cycles, strict=True))
    return Break(pc, program.text(pc), sum(counts), cycles + sum(unit.cycles), loops)


def _run_native(
    program: Prepared, state: State, pc: int, hbm_time: HbmTime, progress: Progress | None
) -> Break:
    """Run in the native engine, with a stop before the instruction at `pc`."""
    from ..simulator.native.session import Session

    run = Session(program, state, hbm_time, pc)
    if run.run(None if progress is None else lambda executed: progress(executed, None)):
        raise NotReached(f"the program ends without coming to pc {pc}")
    loops = tuple(
        OpenLoop(loop.start, loop.register, _count(program, loop.start)) for loop in run.open
    )
    return Break(pc, program.text(pc), run.executed, run.cycles, loops)


def _run_translated(
    program: Program,
    structure: Structure,
    interpreter: Interpreter,
    pc: int,
    progress: Progress | None,
) -> None:
    """Run in the fast engine, with a stop before the instruction at `pc`."""
    total = sum(structure.counts)
    unit = interpreter.unit
    source = translate(
        program, structure, unit.timed, progress is not None, pc, overlaps=unit.overlaps
    )
    namespace: dict[str, object] = {}
    exec(compile(source, "<translated program>", "exec"), namespace)
    run = cast("Callable[..., None]", namespace["run"])

    def report(executed: int) -> None:
        if progress is not None:
            progress(executed, total)

    try:
        with np.errstate(all="ignore"):
            kernels = Kernels(interpreter.state, interpreter, interpreter.unit)
            run(kernels, interpreter.state, stop, report)
    except Stopped as stopped:
        if stopped.pc != pc:
            with np.errstate(all="ignore"):
                interpreter.execute(stopped.pc)
            raise RuntimeError(f"pc {stopped.pc} stopped for no reason") from stopped


def _count(program: Program, start: int) -> int:
    decoded = program.decoded[start]
    assert decoded is not None
    return decoded.value("count")


def _before(nodes: list[Node], pc: int, counts: list[int]) -> list[OpenLoop]:
    """Count what is executed before the first execution of `pc`; the loops that are then open.

    In all loops around `pc` that is the first iteration, before whose end nothing is executed
    twice but in inner loops that are finished.
    """
    for node in nodes:
        if isinstance(node, Loop) and node.start < pc <= node.end:
            counts[node.start] += 1
            inner = _before(node.body, pc, counts)
            return [OpenLoop(node.start, node.register, node.count), *inner]
        if node == pc or (isinstance(node, Loop) and node.start == pc):
            return []
        _whole(node, 1, counts)
    return []


def _whole(node: Node, times: int, counts: list[int]) -> None:
    """Count a node that is executed `times` times from its start to its end."""
    if isinstance(node, int):
        counts[node] += times
        return
    counts[node.start] += times
    counts[node.end] += times * node.count
    for child in node.body:
        _whole(child, times * node.count, counts)


def registers_text(state: State) -> str:
    """All registers, a few on a line: integers in decimal and hexadecimal, floats with their bits.

    a0 to a15 are byte addresses in HBM; SCALE and STRIDE are bytes, V_MASK has a bit for each head.
    """
    gp = [f"gp{i} = {int(v)} ({int(v):#x})" for i, v in enumerate(state.gp)]
    values = bf16_to_f32(np.ascontiguousarray(state.f))
    f = [
        f"f{i} = {v:.6g} ({int(b):#06x})"
        for i, (v, b) in enumerate(zip(values, state.f, strict=True))
    ]
    a = [f"a{i} = {int(v):#x}" for i, v in enumerate(state.a)]
    csr = [f"SCALE = {state.scale}", f"STRIDE = {state.stride}", f"V_MASK = {state.mask:#b}"]
    return "".join(_columns(cells) for cells in (gp, f, a, csr))


def _columns(cells: list[str], each: int = 4) -> str:
    rows = [cells[at : at + each] for at in range(0, len(cells), each)]
    return "".join("  ".join(f"{cell:<24}" for cell in row).rstrip() + "\n" for row in rows)
