"""One case through every level and the simulator, each result against float64."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import fa
import numpy as np
from fa.compiler import kernel_of
from fa.dialects.target_attr import attach_target
from fa.frontends.mlir import module_text, parse_module, run_passes, verify_module
from fa.lowering.assembly import assembly, the_kernel
from fa.lowering.raising import raise_words
from fa.lowering.registers.verify import check_registers
from fa.machine import Machine, assemble, mx
from fa.machine.debug.sanitizer import Initial, check_program
from fa.machine.host import hbm_image
from fa.machine.program.mem_file import LocatedWord
from fa.machine.spec.formats import PlainFormat
from fa.passes.mapping.candidates import candidates
from fa.search import question_of
from numpy.typing import NDArray
from xdsl.dialects.builtin import ModuleOp

from .case import PREPARED, Case
from .functions import uses_indices
from .reference import BF16, E4M3, E5M2, F16, F32, Results, Rounding, exact, tolerances

POOLED, ROW = 2.0, 5.0
"""How much further than the rms of random roundings a result may be: in all, and in one row.

Roundings of the machine are no random numbers, and are not quite at the modelled places: over
thousands of cases the pooled error stays below 1.5 times the rms, and that of the worst of hundreds
of rows below 3.5 times its own.
"""

ALIKE = 4.0
"""How much further than that where keys and values, or all scores, are equal."""

Given: TypeAlias = "NDArray[np.float32] | mx.Blocks"
"""What a kernel takes as an argument."""

CHIP = {"bf16": BF16, "f16": F16, "f32": F32}

NAN = 0x7FC0
"""In bf16."""

CANDIDATES = 5 if os.environ.get("FA_FUZZ") else 3
"""Mappings of one case that are tried: the best by the model, and others; fewer in the short run
that belongs to the tests, of which compiling them takes the most."""

STRICT = 20_000
"""Executed instructions up to which a program is also followed access by access."""

RUINED = "a result that blocks would ruin"

REFUSALS = {
    "keys too wide": (
        r"\d+ rows of keys or values with \d+ columns need \d+ tiles of matrix SRAM, and the "
        r"machine has \d+"
    ),
    "rows too wide": (
        r"a tile of (queries|scores) has at least \d+ rows, which need \d+ rows of vector SRAM and "
        r"\d+ entries of FP_MEM; the machine has \d+ and \d+"
    ),
    "wish for kv-tile": (
        r"kv-tile = \d+ is not a multiple of \d+, the rows that one prefetch brings into matrix "
        r"SRAM; try \d+"
    ),
    "wish for q-tile": (
        r"q-tile = \d+ must be a multiple of \d+ \(whole loads, stores and systolic blocks\) and "
        r"at most \d+, what the SRAM holds"
    ),
    "tiles together": (
        r"this tile of [\dx]+ does not fit: tiles alive at once need \d+ (rows of vector SRAM|"
        r"tiles of matrix SRAM|entries of FP_MEM), and the machine has \d+; smaller tiles "
        r"\(q-tile, kv-tile\) need less(, and so does qk=tmm in the place of qk=btm[mv])?"
    ),
    "statistics": (
        r"statistics and constants take \d+ entries of FP_MEM, and the machine has \d+; a smaller "
        r"q-tile needs less"
    ),
    "elements of 4 bits": (
        r"[kv]=(mxfp4|nvfp4):\d+ cannot be loaded: elements have 4 bits, and transfers take 8 or 16"
        r"(; the nearest that it can be is \S+)?"
    ),
    "scores in blocks": (
        r"scores and probabilities would be stored as mx \S+ block \d+ scale e8m0 "
        r"\(HBM_V_ACT_TYPE\), which ruins them; fuse first, or use a machine with Plain bf16 "
        r"activations"
    ),
    RUINED: (
        r"this result may hold -inf or values of padding, and stored as mx \S+ block \d+ scale "
        r"e8m0 what shares a block with them would be lost; use a machine with Plain bf16 "
        r"activations"
    ),
    "a mean key that is seen": (
        r"without the mean key the scores shift, and the (logsumexp|soft cap|score function|"
        r"function of scores|sinks|bound of scores|scores as a result) would see that; leave out "
        r"smooth-keys"
    ),
    "prepared and stored by the caller": (
        r"(mx\.(center|rotate)|fa\.(transpose|reshape|pad|concat)) is the host's work before it "
        r"quantizes; with boundary=storage the caller has quantized already"
        r"(; run quantize before map, without group-heads)?"
    ),
    "parts by hand": (
        r"parts=\d+ is not possible here: (heads differ in more than their queries|a tile of \d+ "
        r"heads has at least \d+ rows, which do not fit vector SRAM of \d+ rows and FP_MEM of "
        r"\d+ entries)(; parts=\d+ is|; leave group-heads out)"
    ),
    "qk by hand": (
        r"qk=btm[mv] is not possible here: (btmv takes \d+ blocks of 1 rows at a time, and query "
        r"tiles have \d+ rows|query tiles do not start at multiples of their \d+ rows); "
        r"qk=(btmm|tmm) is"
    ),
    "pv by hand": (
        r"pv=(btmv|packed) is not possible here: (a prefetch brings \d+ rows, and transposed "
        r"values have \d+|the product goes elsewhere than into an accumulator); pv=mm is"
        r"|pv=packed is not possible here: (\d+ rows share lanes, and tiles of P have \d+ rows|a "
        r"vector row has \d+ lanes and a matrix tile \d+ columns|a constant tile needs room in "
        r"matrix SRAM beside \d+ tiles|BROADCAST_AMOUNT is 1, so no rows share lanes); pv=btmv is"
    ),
    "sums=ones by hand": (
        r"sums=ones is not possible here: (fa\.(combine|logsumexp|sink|spread) takes sums as "
        r"numbers|a tile of ones needs room in matrix SRAM beside \d+ tiles|"
        r"standard attention sums whole rows); sums=reduce is"
    ),
    "sums=columns by hand": (
        r"sums=columns is not possible here: (columns of ones in V go with pv=btmv|ones beside \d+ "
        r"value columns do not fit a row of \d+|\d+ columns are not whole blocks of storage|"
        r"rows may see no key|something else needs the sums|the result is not stored by itself|"
        r"P is not that of an online softmax); sums=reduce is"
    ),
}
"""What a compiler may say to a legal attention, each message in full: a memory is too small, or a
format ruins a result, or what was set by hand cannot be. Everything else is a bug."""

WHATEVER_THE_MAPPING = (RUINED,)
"""Those of the refusals that do not depend on the mapping."""


def refusal(error: fa.CompileError) -> str | None:
    """The kind of a refusal; None where it is none that a legal attention may meet."""
    matching = (name for name, text in REFUSALS.items() if re.fullmatch(text, error.message))
    return next(matching, None)


class Mismatch(AssertionError):
    """A level that does not compute what float64 does."""


def machine_path(case: Case, folder: Path) -> str:
    """The case's machine for `compile`: a preset's name or a file written into `folder`."""
    text = case.settings_text
    if text is None:
        return case.machine
    path = folder / "machine.toml"
    path.write_text(text)
    return str(path)


def check(case: Case, folder: Path) -> str:
    """Run a case; returns "" or the kind of refusal. Raises Mismatch and whatever fails.

    `folder` is for the machine's file.
    """
    target = machine_path(case, folder)
    machine = Machine.load(target)
    machine.require_consistent()
    args = case.arguments()
    passed = [args[i] for i in case.given]
    module = parse_module(case.mlir())
    unit = CHIP[case.dtype]
    tiles = -(-case.kv_len // machine.mlen)
    compare = _Comparison(case, tiles)
    compare("tensor", fa.interpret(module, passed, round=False), args, F32, F32)
    compare("tensor, rounded", fa.interpret(module, passed), args, F32, unit)
    if case.search is not None:
        return _check_search(case, case.search, target, args, compare)
    after = False
    refused, kernel, levels = "", None, list[tuple[str, ModuleOp]]()
    try:
        for level, passes in case.steps:
            run_passes(module, passes, target)
            levels.append((level, module.clone()))
        run_passes(module, case.last_step, target)
        kernel = kernel_of(module)
    except fa.CompileError as error:
        kind = refusal(error)
        if kind is None:
            raise
        refused = kind
    given = None if kernel is None else _given(kernel, passed)
    stored = None if kernel is None or given is None else _stored(kernel, given, case, args)
    chip_stored = _stored_unit(machine)
    for level, tiled in levels:
        printed = module_text(tiled)
        if module_text(parse_module(printed)) != printed:
            raise Mismatch(f"{level}: printed, parsed and printed again it is another text")
        late = level in ("quantized", "allocated")
        after = after or level == PREPARED
        # What functions make of indices is tabulated in bf16, which stays so without rounding.
        fine = BF16 if (late or case.tabulate) and needs_indices(case) else F32
        turned = F32 if after else 0.0
        compare(level, fa.interpret(tiled, passed, round=False), args, fine, fine, turned)
        if stored is not None:
            if late:
                have = fa.interpret(tiled, passed if given is None else given)
                compare(f"{level}, rounded", have, stored, BF16, chip_stored)
            else:
                have = fa.interpret(tiled, passed)
                compare(f"{level}, rounded", have, args, unit, unit, unit if after else 0.0)
    if kernel is None or given is None or stored is None:
        return refused
    _check_kernel(kernel, given, stored, compare, "simulated")
    return ""


def _check_search(
    case: Case, goal: str, target: str, args: list[NDArray[np.float32]], compare: _Comparison
) -> str:
    """The searched mapping, and others that are said to be possible."""
    passed = [args[i] for i in case.given]
    module = parse_module(case.mlir())
    attach_target(module, goal)
    question = question_of(module, target)
    legal = [] if question is None else [c for c in candidates(question) if c.rejected is None]
    made: dict[str, fa.Kernel] = {}
    some = random.Random(case.to_json()).sample(legal[1:], max(0, min(CANDIDATES, len(legal)) - 1))
    for candidate in [*legal[:1], *some]:
        try:
            kernel = fa.compile(module, target, candidate.pipeline)
        except fa.CompileError as error:
            if (kind := refusal(error)) in WHATEVER_THE_MAPPING:
                return kind
            raise Mismatch(f"{candidate} is said to be possible, but: {error}") from None
        made.setdefault(kernel.asm, kernel)
        if kernel is made[kernel.asm]:
            stored = _stored(kernel, passed, case, args)
            _check_kernel(kernel, passed, stored, compare, f"{candidate}, simulated")
    try:
        chosen = fa.compile(module, target)
    except fa.CompileError as error:
        if legal or (kind := refusal(error)) is None:
            raise
        return kind
    if legal and chosen.asm != next(iter(made)):
        raise Mismatch("the chosen mapping is not that of the best candidate")
    if not legal:
        _check_kernel(chosen, passed, _stored(chosen, passed, case, args), compare, "simulated")
    return ""


def _given(kernel: fa.Kernel, args: list[NDArray[np.float32]]) -> list[Given]:
    """The arguments as the kernel takes them: with boundary=storage, some in blocks."""
    given: list[Given] = []
    for arg, tensor in zip(args, kernel.layout.signature, strict=True):
        form = tensor.storage
        if form is None:
            given.append(arg)
            continue
        how = {"scale": form.scale, "variant": form.variant, "rule": form.rule}
        given.append(mx.quantize(arg, form.element, form.block, **how, rounding=form.rounding))
    return given


def _check_kernel(
    kernel: fa.Kernel,
    args: Sequence[Given],
    stored: list[NDArray[np.floating]],
    compare: _Comparison,
    what: str,
) -> None:
    """What a program computes, what it costs, and what it touches."""
    # Nothing may depend on what on-chip memories hold before a program.
    sim = kernel.simulator(*args)
    sim.vector[:], sim.matrix[:] = NAN, np.nan
    run = sim.run(kernel.words, hbm_time="none")
    compare(what, kernel.unpack(sim.hbm), stored, BF16, _stored_unit(kernel.machine))
    cost = fa.cost(kernel)
    cycles = cost.emulator_cycles - cost.hbm_cycles
    counted = (cycles, cost.instructions, cost.hbm_bytes_read, cost.hbm_bytes_written)
    executed = (run.cycles, run.instructions, run.hbm_bytes_read, run.hbm_bytes_written)
    if counted != executed:
        raise Mismatch(
            f"compute cycles, instructions and HBM bytes read and written: the cost model counts "
            f"{counted}, and {executed} were executed"
        )
    if run.instructions <= STRICT:
        _check_again(kernel, args, kernel.unpack(sim.hbm), executed)
        _check_strictly(kernel, args)
    if len(kernel.words) <= STRICT:
        _check_raised(kernel)


def _check_again(
    kernel: fa.Kernel,
    args: Sequence[Given],
    outputs: list[NDArray[np.float32]],
    executed: tuple[int, int, int, int],
) -> None:
    """Memories of zeros give what those of NaNs gave, and in each engine."""
    for engine in ("auto", "numpy"):
        # Both at once, as threads must not disturb each other.
        for run in kernel.run_many([args, args], hbm_time="none", engine=engine):
            took = (run.cycles, run.instructions, run.hbm_bytes_read, run.hbm_bytes_written)
            if took != executed:
                raise Mismatch(f"the same run in zeros took {took}, not {executed}, in {engine}")
            for ours, theirs in zip(run.outputs, outputs, strict=True):
                if not np.array_equal(ours, theirs, equal_nan=True):
                    raise Mismatch(f"the same run in zeros has other results in {engine}")


def _check_strictly(kernel: fa.Kernel, args: Sequence[Given]) -> None:
    """Registers and HBM hold what was put there before they are read, stores go where they may."""
    initial = Initial.of(kernel.layout)
    for finding in check_program(kernel.words, kernel.simulator(*args), initial):
        # What is read before it is written was NaN in the run above; hazards are no errors here.
        if finding.kind not in ("memory", "hazard"):
            raise Mismatch(f"{finding.instruction} at {finding.pc}: {finding.message}")
    if not np.array_equal(assemble(kernel.asm, compat=True), kernel.words):
        raise Mismatch("the published assembler would make other words of the program")


def _check_raised(kernel: fa.Kernel) -> None:
    """The words as IR are valid, and are the words again."""
    words = [LocatedWord(int(word), line, 1) for line, word in enumerate(kernel.words, 1)]
    module = raise_words(words, "kernel.mem", "raised")
    verify_module(module)
    check_registers(the_kernel(module))
    if not np.array_equal(assemble(assembly(the_kernel(module))), kernel.words):
        raise Mismatch("raised to IR and printed, the program has other words")


def _stored(
    kernel: fa.Kernel, given: Sequence[Given], case: Case, args: Sequence[NDArray[np.float32]]
) -> list[NDArray[np.floating]]:
    """The arguments as the machine sees them; what is repeated along an axis as it lies in HBM.

    Constants are exact in every format.
    """
    stored = list(kernel.stored(*given))
    image = np.frombuffer(kernel.pack(*given), np.uint8)
    for region in kernel.layout.regions:
        if region.role == "argument" and region.kind == "bias" and region.recipe:
            values = hbm_image.unpack(region, image)
            sinks = len(kernel.argument_shapes[region.index]) == 1
            stored[region.index] = values[:, 0, 0] if sinks else values
    seen: list[NDArray[np.floating]] = list(args)
    for i, value in zip(case.given, stored, strict=True):
        seen[i] = value
    return seen


def _stored_unit(machine: Machine) -> float:
    """How results are rounded when they are stored."""
    form = machine.vector_act
    if isinstance(form, PlainFormat):
        return BF16
    # The machine's stores truncate: off by up to a whole unit in the last place.
    return 2 * {"e4m3": E4M3, "e5m2": E5M2}[str(form.element)]


class _Comparison:
    """Compares results with float64, and remembers references and tolerances."""

    def __init__(self, case: Case, tiles: int):
        self.case = case
        self.tiles = tiles
        self.exact: dict[int, Results] = {}
        # Their identities are keys: they must not be freed.
        self.known: list[Sequence[NDArray[np.floating]]] = []
        self.tolerances: dict[tuple[int, float, float, float], list[NDArray[np.float64]]] = {}
        self.worst: dict[str, tuple[float, float]] = {}

    def __call__(
        self,
        level: str,
        have: Sequence[NDArray[np.float32]],
        args: Sequence[NDArray[np.floating]],
        chip: float,
        stored: float,
        prepared: float = 0.0,
    ) -> None:
        """Raise Mismatch unless every result is as near as roundings of these sizes leave it."""
        key = (id(args), chip, stored, prepared)
        if key[0] not in self.exact:
            self.known.append(args)
            self.exact[key[0]] = exact(self.case, args)
        if key not in self.tolerances:
            rounding = Rounding(chip, stored, self.tiles, prepared)
            self.tolerances[key] = tolerances(self.case, args, rounding)
        want = self.exact[key[0]].of(self.case)
        names = ["output"]
        names += ["logsumexp"] if self.case.lse else []
        names += ["scores"] if self.case.qk is not None else []
        if len(have) != len(names):
            raise Mismatch(f"{level}: {len(have)} results instead of {', '.join(names)}")
        for name, a, b, rows in zip(names, have, want, self.tolerances[key], strict=True):
            self._compare(f"{level}, {name}", a, b, rows)

    def _compare(
        self,
        what: str,
        have: NDArray[np.float32],
        want: NDArray[np.float64],
        rows: NDArray[np.float64],
    ) -> None:
        if have.shape != want.shape:
            raise Mismatch(f"{what}: shape {have.shape} instead of {want.shape}")
        finite = np.isfinite(want)
        wrong = np.argwhere(np.where(finite, ~np.isfinite(have), have != want))
        if len(wrong):
            place = tuple(map(int, wrong[0]))
            raise Mismatch(
                f"{what}: {have[place]} instead of {want[place]} at {place}, and so at "
                f"{len(wrong)} of {want.size} places"
            )
        off = np.where(finite, np.where(finite, have, 0) - np.where(finite, want, 0), 0)
        errors = np.sqrt((off**2).reshape(*rows.shape, -1).sum(axis=-1))
        pooled, allowed = float(np.linalg.norm(errors)), float(np.linalg.norm(rows))
        # A row is seldom quieter than a third of the average one; rows of zeros stay zeros.
        typical = allowed / max(1, np.count_nonzero(rows)) ** 0.5
        limits = np.where(rows > 0, np.maximum(rows, typical / 3), 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(errors > 0, errors / limits, 0.0)
        ratio = pooled / allowed if allowed else (np.inf if pooled else 0.0)
        worst = float(ratios.max(initial=0.0))
        self.worst[what] = (ratio, worst)
        # Few values have no average: the limit of all is near that of one.
        most = POOLED + (ROW - POOLED) / max(1, np.count_nonzero(finite)) ** 0.5
        # Terms that are alike round alike: their errors add up, where others cancel.
        alike = ALIKE if self.case.data in ("equal rows", "zeros") else 1.0
        ratio, worst = ratio / alike, worst / alike
        if ratio > most:
            norm = float(np.linalg.norm(np.where(finite, want, 0)))
            raise Mismatch(
                f"{what}: {pooled:.3g} off ({pooled / norm if norm else np.inf:.2g} of the norm), "
                f"where roundings take it {allowed:.3g}"
            )
        if worst > ROW:
            place = tuple(map(int, np.unravel_index(int(ratios.argmax()), ratios.shape)))
            raise Mismatch(
                f"{what}: the row at {place} is {errors[place]:.3g} off, where roundings take it "
                f"{limits[place]:.3g}"
            )


def needs_indices(case: Case) -> bool:
    """Whether a function of the case depends on where a score stands."""
    return any(f is not None and uses_indices(f) for f in (case.score, case.prob))
