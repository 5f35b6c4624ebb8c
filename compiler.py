"""From source to a kernel that runs: the Python API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union, cast

import numpy as np
from fa.diagnostics import CompileError, position
from fa.dialects.discardable_attrs import attribute_of
from fa.dialects.fa.discardable_attrs import UNGROUPED
from fa.dialects.fa.problem_attr import problems_of
from fa.dialects.machine_attr import settle_machine
from fa.dialects.plena.discardable_attrs import LAYOUT as LAYOUT_ATTRIBUTE
from fa.dialects.plena.discardable_attrs import layout_from
from fa.dialects.target_attr import attach_target, target_of
from fa.frontends.mlir import (
    make_context,
    module_text,
    parse_module,
    read_module,
    run_passes,
    with_position,
)
from fa.kernel_files import KERNEL_FILES as KERNEL_FILES
from fa.kernel_files import LAYOUT, KernelFiles
from fa.machine import Trap, mx
from fa.machine.cost.cost import Cost, CostError, program_cost
from fa.machine.cost.figures import BYTES, table_for
from fa.machine.cost.lower_bounds import Bounds, Formats, Problem, combined, lower_bounds
from fa.machine.host import hbm_image
from fa.machine.host.hbm_image import Value
from fa.machine.host.layout import Layout, LayoutError, Region
from fa.machine.host.layout_reader import check_machine
from fa.machine.program.source_map import SourceMap, SourceMapError
from fa.machine.spec.params import Machine
from fa.machine.spec.settings_reader import MachineError
from fa.passes.mapping.tuning_cache import cache_folder
from numpy.typing import ArrayLike, NDArray
from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation
from xdsl.passes import ModulePass

if TYPE_CHECKING:
    from fa.machine.simulator.engines import Engine
    from fa.machine.simulator.simulator import Simulator
    from fa.passes.masks.mask_counts import MaskTiles
    from fa.search import Choice
    from onnx import ModelProto

Array = NDArray[np.float32]
Progress = Callable[[int, int | None], None]

Source: TypeAlias = Union[str, Path, ModuleOp, "ModelProto"]
"""MLIR text, a path (.mlir, .onnx), a module, or an ONNX model."""

DEFAULT_PASSES = "fa-to-plena"


@dataclass(frozen=True, repr=False)
class Run:
    """What one run of a kernel gave and took.

    `cycles` is all of the time, `hbm_cycles` the part of it in HBM transfers; `hbm_bytes_*` count
    64-byte granules. `per_opcode` maps a mnemonic to its `count`, `cycles` and `hbm_bytes`.
    """

    outputs: list[Array]
    cycles: int
    hbm_cycles: int
    instructions: int
    hbm_bytes_read: int
    hbm_bytes_written: int
    per_opcode: Mapping[str, Mapping[str, int]]
    pc_counts: NDArray[np.int64]
    pc_cycles: NDArray[np.int64]
    simulator: Simulator

    def __repr__(self) -> str:
        outputs = ", ".join(f"float32{list(each.shape)}" for each in self.outputs)
        return (
            f"<fa.Run {self.cycles:,} cycles, {self.instructions:,} instructions, "
            f"{self.hbm_bytes_read:,} bytes read, {self.hbm_bytes_written:,} written; {outputs}>"
        )

    def _repr_html_(self) -> str:
        """Cycles by instruction, as a notebook shows them."""
        from fa.machine.debug.html_table import html_table

        most = sorted(self.per_opcode.items(), key=lambda item: -item[1]["cycles"])
        rows = [(name, f"{each['count']:,}", f"{each['cycles']:,}") for name, each in most]
        return html_table(repr(self).strip("<>"), ("instruction", "executed", "cycles"), rows)


class Kernel:
    """A compiled program with all that is needed to run it.

    `sources` says which operation each instruction was made from, `problems` what attention it
    computes, where that is known, `mask_tiles` for each attention how many tiles of scores are
    empty, full and partial. `module` is what was lowered, which must not change, or its text.
    `words` are those that `asm` stands for, where they are known.
    """

    def __init__(
        self,
        asm: str,
        layout: Layout,
        machine: Machine,
        module: ModuleOp | str,
        report: str,
        sources: SourceMap | None = None,
        problems: Sequence[Problem] = (),
        mask_tiles: Sequence[MaskTiles] = (),
        words: Sequence[int] | None = None,
    ):
        from fa.machine import assemble

        self.asm = asm
        self.layout = layout
        self.machine = machine
        self._module = module
        self.problems = tuple(problems)
        self._report = report
        self.mappings = ""
        self.passes = ""
        """The pipeline that made it; empty where it was read from files."""
        self.source: ModuleOp | None = None
        """What was compiled, with target, before the first pass; None where that is not known."""
        self.machine_given: str | None = None
        """The machine that was asked for, a preset or a settings file."""
        self.ungrouped = ""
        """Why `group-heads` left heads apart, if it did."""
        self.sources = SourceMap() if sources is None else sources
        self.mask_tiles = tuple(mask_tiles)
        self.words: NDArray[np.uint32] = (
            assemble(asm) if words is None else np.array(words, np.uint32)
        )

    def __repr__(self) -> str:
        from fa.kernel_story import summary

        return summary(cast("Any", self))

    def _repr_html_(self) -> str:
        from fa.kernel_story import summary_html

        return summary_html(cast("Any", self))

    def to_html(self) -> str:
        """One page that needs nothing else: source, IR and assembly side by side with linked lines,
        cycles by source operation beside the bound, memories over time, HBM, mappings, masks.

        The kernel is run on zeros for the cycles, once for each cost table.
        """
        from fa.tools.pages.page import html_page

        return html_page(cast("Any", self))

    def explain(self) -> str:
        """The story of the kernel: what it computes, which mapping was chosen among which and why,
        what masks skip, what it takes of the memories, where its time goes beside the bound."""
        from fa.kernel_story import story

        return story(cast("Any", self))

    @cached_property
    def mlir(self) -> str:
        """The lowered module as text."""
        return self._module if isinstance(self._module, str) else module_text(self._module)

    @cached_property
    def report(self) -> str:
        """A page of text: what the kernel takes of the machine, its cost beside the bounds, and the
        mappings that there were to choose from."""
        mappings = f"\n{self.mappings}" if self.mappings else ""
        return f"{self._report}\n{self.cost_table()}{mappings}"

    def cost_table(self) -> str:
        """The cost in all tables by unit, and how far it is from the lower bounds."""
        from fa.machine.cost.cost_table import cost_table

        try:
            return cost_table(cost(self), self.bounds)
        except CompileError as error:
            return f"cost: not known: {error.message}\n"

    @property
    def bounds(self) -> Bounds | None:
        """The least that the kernel's attention costs on its machine; None where it is not known
        what it computes."""
        if not self.problems:
            return None
        forms = Formats.stored(self.machine, self.layout)
        return combined([lower_bounds(each, self.machine, forms) for each in self.problems])

    @property
    def argument_shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the arguments, in order."""
        return [tensor.shape for tensor in self.layout.signature]

    def defaults(self) -> list[Array]:
        """Arguments that there can be: zeros, and of lengths the largest."""
        values = [np.zeros(shape, np.float32) for shape in self.argument_shapes]
        for each in self.layout.lengths:
            values[each.argument][:] = each.most
        return values

    def layout_table(self) -> str:
        """Where each tensor lies in HBM, as a table."""
        from fa.machine.host.layout_table import layout_table

        return layout_table(self.layout)

    def pack(self, *args: Value) -> bytes:
        """The HBM image of the arguments, in order: `layout.hbm_bytes` bytes from address 0.

        Arguments are arrays of values; one whose type is a storage form is `mx.Blocks` or the bytes
        of `Blocks.to_bytes`. Raises CompileError where number, shapes or forms do not fit, and
        where values break what the kernel was promised (`score_bound`).
        """
        return self._image(args).tobytes()

    def _image(self, args: Sequence[Value]) -> NDArray[np.uint8]:
        values = [_array(arg) for arg in args]
        try:
            image = hbm_image.image(self.layout, values)
            hbm_image.integers(self.layout, values)
            plain = [np.asarray(value) for value in values] if self.layout.promises else []
            hbm_image.check_promises(self.layout, image, plain)
            return image
        except LayoutError as error:
            raise CompileError(str(error)) from None

    def integers(self, *args: Value) -> tuple[int, ...]:
        """What INT_MEM holds before a run on the arguments, from entry 0 on: lengths among them.

        Raises CompileError for lengths that there cannot be.
        """
        try:
            return hbm_image.integers(self.layout, [_array(arg) for arg in args])
        except LayoutError as error:
            raise CompileError(str(error)) from None

    def put(self, image: NDArray[np.uint8], name: str, values: Value) -> None:
        """Write the argument `name` anew into an HBM image, in place.

        Raises CompileError where there is no such argument, the shape differs, or the host makes
        what is stored of other arguments as well; and for kernels that were promised something of
        their data, which is checked on all of it (`pack`).
        """
        names = [tensor.name for tensor in self.layout.signature]
        if name not in names or not self._regions(name):
            known = ", ".join(names)
            raise CompileError(f"no argument called '{name}' lies in HBM; there are {known}")
        if self.layout.promises:
            raise CompileError("promises are about all of the data; pack it again")
        try:
            for region in self._regions(name):
                hbm_image.put(self.layout, region, _array(values), image)
        except LayoutError as error:
            raise CompileError(str(error)) from None

    def append(
        self, image: NDArray[np.uint8], name: str, values: NDArray[np.floating], at: int
    ) -> None:
        """Write new tokens of the argument `name` into an HBM image, in place, from row `at` on.

        `values` is [..., tokens, dim]. Raises CompileError, with the image as it was, where there
        is no such argument, the shape differs, the cache is too short, or the whole breaks what
        the kernel was promised.
        """
        self.check_append(name, np.shape(values), at)
        target = image.copy() if self.layout.promises else image
        for region in self._regions(name):
            shape = self.layout.signature[region.index].shape
            hbm_image.append(np.asarray(values), region, shape, target, at)
        if target is not image:
            try:
                hbm_image.check_promises(self.layout, target, None)
            except LayoutError as error:
                raise CompileError(str(error)) from None
            image[:] = target

    def check_append(self, name: str, shape: tuple[int, ...], at: int) -> None:
        """Raise CompileError unless `append` can write tokens of that shape."""
        regions = self._regions(name)
        try:
            if not regions:
                names = ", ".join(tensor.name for tensor in self.layout.signature)
                raise LayoutError(f"no argument called '{name}'; there are {names}")
            for region in regions:
                hbm_image.check_append(shape, region, self.layout.signature[region.index].shape, at)
        except LayoutError as error:
            raise CompileError(str(error)) from None

    def _regions(self, name: str) -> list[Region]:
        """The regions of the argument `name`."""
        return [r for r in self.layout.regions if r.role == "argument" and r.name == name]

    def stored(self, *args: Value) -> list[Array]:
        """The arguments as the machine sees them: rounded to their storage format, float32.

        One that no tile is loaded from, or that the host computes on, is rounded to its interface
        type only.
        """
        return hbm_image.stored(self.layout, self._image(args), [np.asarray(arg) for arg in args])

    def unpack(self, hbm: NDArray[np.uint8] | bytes) -> list[Array]:
        """The results in an HBM image, in order, as float32. Raises CompileError where it is too
        short."""
        image = np.frombuffer(hbm, np.uint8) if isinstance(hbm, bytes) else hbm
        if image.size < self.layout.hbm_bytes:
            raise CompileError(
                f"the image has {image.size} bytes, and the kernel's data {self.layout.hbm_bytes}"
            )
        return hbm_image.outputs(self.layout, image)

    def simulator(self, *args: Value) -> Simulator:
        """A machine with arguments and constants in its memories, ready to run `words`.

        Raises CompileError for arguments that do not fit.
        """
        return self._machine(self._image(args), self.integers(*args))

    def _machine(self, image: NDArray[np.uint8], integers: Sequence[int]) -> Simulator:
        """A machine with these in its memories."""
        from fa.machine import Simulator

        sim = Simulator(self.machine)
        sim.hbm[: len(image)] = image
        sim.fp[: len(self.layout.fp_mem)] = self.layout.fp_mem
        sim.int[: len(integers)] = integers
        return sim

    def ordered(self, args: Sequence[Value], named: Mapping[str, Value]) -> list[Value]:
        """Arguments in the function's order, those that are `named` behind the positional ones.

        Raises CompileError for a name that there is not, one given twice, and one that is missing.
        """
        names = [tensor.name for tensor in self.layout.signature]
        if not named:
            return list(args)
        known, given = ", ".join(names), dict(zip(names, args, strict=False))
        for name in named:
            if name not in names:
                raise CompileError(f"no argument called '{name}'; there are {known}")
            if name in given:
                raise CompileError(f"the argument '{name}' is given twice")
        given.update(named)
        if missing := [name for name in names if name not in given]:
            raise CompileError(f"the argument '{missing[0]}' is missing; there are {known}")
        return [given[name] for name in names]

    def run(
        self,
        *args: Value,
        progress: Progress | None = None,
        hbm_time: Literal["exact", "none"] = "exact",
        engine: Engine = "auto",
        table: str = "emulator",
        blocking: bool = False,
        **named: Value,
    ) -> Run:
        """Simulate the kernel on arrays, in the order of the function's arguments or by name.

        `progress` is called now and then with the instructions executed so far and in all;
        `engine`, `table` (whose cycles are counted) and `blocking` are as for `Simulator.run`.
        Raises CompileError for arguments that do not fit, ValueError for an engine or a table that
        there is not, and `fa.machine.Trap` where the machine stops.
        """
        sim = self.simulator(*self.ordered(args, named))
        return self._run(sim, progress, hbm_time, engine, table, blocking)

    def run_image(
        self,
        image: NDArray[np.uint8],
        kv_lens: Sequence[int] | None = None,
        progress: Progress | None = None,
        hbm_time: Literal["exact", "none"] = "exact",
        engine: Engine = "auto",
        table: str = "emulator",
        blocking: bool = False,
    ) -> Run:
        """`run` on an HBM image (`pack`, `put`, `append`), which stays as it is.

        `kv_lens` are the lengths at run time, one for each batch; the largest without. Raises
        CompileError for lengths that there cannot be and for an image that is too short.
        """
        if image.size < self.layout.hbm_bytes:
            raise CompileError(
                f"the image has {image.size} bytes, and the kernel's data {self.layout.hbm_bytes}"
            )
        try:
            integers = self.layout.integers(_lengths(self.layout, kv_lens))
        except LayoutError as error:
            raise CompileError(str(error)) from None
        sim = self._machine(image, integers)
        return self._run(sim, progress, hbm_time, engine, table, blocking)

    def _run(
        self,
        sim: Simulator,
        progress: Progress | None,
        hbm_time: Literal["exact", "none"],
        engine: Engine,
        table: str,
        blocking: bool,
    ) -> Run:
        """Run the program on a machine that holds its data."""
        result = sim.run(
            self.words,
            hbm_time=hbm_time,
            progress=progress,
            engine=engine,
            table=table,
            blocking=blocking,
        )
        return Run(
            self.unpack(sim.hbm),
            result.cycles,
            result.hbm_cycles,
            result.instructions,
            result.hbm_bytes_read,
            result.hbm_bytes_written,
            result.per_opcode,
            result.pc_counts,
            result.pc_cycles,
            sim,
        )

    def run_many(
        self,
        arguments: Iterable[Sequence[Value]],
        hbm_time: Literal["exact", "none"] = "exact",
        engine: Engine = "auto",
        threads: int | None = None,
        table: str = "emulator",
    ) -> list[Run]:
        """`run` for each tuple of arguments, in their order, several at a time.

        There are as many `threads` as processors unless the number is given; the native engine
        uses them all, the others one at a time. The first that fails ends them all with its error.
        """
        from fa.machine.simulator.many import run_all

        def task(args: Sequence[Value]) -> Callable[[Progress], Run]:
            return lambda progress: self.run(
                *args, progress=progress, hbm_time=hbm_time, engine=engine, table=table
            )

        return run_all([task(args) for args in arguments], threads)

    def save(self, directory: str | Path) -> None:
        """Write kernel.mlir, kernel.asm, kernel.mem, layout.json and report.txt, all or none.

        Directories that are missing are made. Raises CompileError where that is not possible.
        """
        manifest = {
            **self.layout.to_json(),
            "machine": {"name": self.machine.name, "settings": self.machine.settings},
            "sources": self.sources.to_json(),
            "mask_tiles": [count.to_json() for count in self.mask_tiles],
        }
        words = [int(word) for word in self.words]
        KernelFiles(self.mlir, self.asm, words, manifest, self.report).write(directory)

    @classmethod
    def load(cls, directory: str | Path) -> Kernel:
        """Read what `save` wrote; raises CompileError where files are missing or damaged, or do
        not fit together."""
        from fa.passes.masks.mask_counts import MaskTiles

        files = KernelFiles.read(directory)
        manifest, where = files.manifest, f"{Path(directory) / LAYOUT}:1:1"
        try:
            layout = Layout.from_json(manifest)
            machine = _saved_machine(manifest.get("machine"))
            check_machine(layout, machine)
            sources = SourceMap.from_json(manifest.get("sources"), len(files.words))
            counts = MaskTiles.all_from_json(manifest.get("mask_tiles"))
        except (LayoutError, MachineError, SourceMapError) as error:
            raise CompileError(str(error), where) from None
        except TypeError as error:
            raise CompileError(f"mask_tiles is damaged: {error}; compile again", where) from None
        if files.problem is not None:
            raise files.problem
        kernel = cls(
            *(files.asm, layout, machine, files.mlir, ""),
            sources=sources,
            mask_tiles=counts,
            words=files.words,
        )
        kernel.report = files.report
        return kernel


def _array(arg: Value) -> Value:
    """An argument as an array, unless it is in its storage form."""
    return arg if isinstance(arg, mx.Blocks | bytes) else np.asarray(arg)


def _saved_machine(entry: object) -> Machine:
    """The machine of a manifest; raises MachineError where it is none."""
    if not isinstance(entry, Mapping):
        raise MachineError("'machine' is a table with name and settings; compile again")
    saved = cast("Mapping[str, Any]", entry)
    name = saved.get("name")
    if not isinstance(name, str):
        raise MachineError(f"the name of the machine is a text, not {name!r:.40}; compile again")
    return Machine.from_settings(saved.get("settings"), name)  # pyright: ignore[reportArgumentType]


def load_source(
    source: Source,
    constants: Mapping[str, ArrayLike] | None = None,
    allow_unregistered: bool = False,
) -> ModuleOp:
    """A module from MLIR text, a path or an ONNX model; one given as it is is changed in place.

    `constants` gives the values of inputs of an ONNX model by name; `allow_unregistered` takes
    operations of other dialects in generic form. Raises CompileError for what cannot be read,
    parsed or imported.
    """
    if isinstance(source, ModuleOp):
        module = source
    elif isinstance(source, str | Path) and not _is_path(source, ".onnx"):
        is_file = isinstance(source, Path) or _is_path(source, ".mlir")
        context = make_context(allow_unregistered)
        module = (
            read_module(source, context) if is_file else parse_module(str(source), context=context)
        )
    else:
        from fa.frontends.onnx.importer import import_onnx

        return import_onnx(source, constants, primitive=allow_unregistered)
    if constants:
        raise CompileError("constants are for the inputs of an ONNX model")
    return module


def _is_path(source: str | Path, suffix: str) -> bool:
    """Whether `source` names a file of this kind rather than being text."""
    return str(source).endswith(suffix) and "\n" not in str(source)


def compile(
    source: Source,
    machine: str | Path | None = None,
    passes: str | Sequence[str | ModulePass] | None = None,
    constants: Mapping[str, ArrayLike] | None = None,
    optimize_for: str | None = None,
    tune: bool = False,
) -> Kernel:
    """Compile attention to a kernel.

    `source` is MLIR text, the path of an .mlir or .onnx file, a module (compiled in a copy) or an
    onnx ModelProto; `machine` a preset or the path of a settings file; `passes` a pipeline as for
    `fa-opt -p`, or a list of passes; `constants` the values of inputs of an ONNX model that must be
    known, by name. What of the chain has not been run at the end is run with its defaults.

    `optimize_for` is what choices are made by: "emulator" (the default), "analytic" or "rtl", the
    cycles of one of the cost tables, the path of a TOML file with another one, or "bytes" of HBM;
    `tune` confirms the best choices, in the simulator where transfers are timed, "analytic" and
    "bytes" by counting what the programs cost. Raises CompileError for bad input.
    """
    passes = _pipeline(passes)
    if tune and passes is not None:
        raise CompileError("tune chooses the passes itself; give passes or tune, not both")
    module = load_source(source, constants)
    if isinstance(source, ModuleOp):
        module = source.clone()
    name = None if machine is None else str(machine)
    if optimize_for is not None:
        with_position(lambda: attach_target(module, optimize_for), module)
    with_position(lambda: target_of(module), module)
    before = module.clone()
    kernel = _compiled(module, name, passes, tune)
    kernel.source, kernel.machine_given = before, name
    return kernel


def _compiled(module: ModuleOp, name: str | None, passes: str | None, tune: bool) -> Kernel:
    """The kernel of a module by the passes that are given, or by those that cost least."""
    if passes is None:
        made = _Programs(module, name)
        choice = _choose(module, name, tune, made)
        if choice is not None:
            kernel = _chosen(made, choice)
            if kernel is not None:
                return kernel
    return _lowered(module, DEFAULT_PASSES if passes is None else passes, name)


def _pipeline(passes: str | Sequence[str | ModulePass] | None) -> str | None:
    """The text of a pipeline that is text or a list of passes. CompileError for anything else."""
    if passes is None or isinstance(passes, str):
        return passes
    texts: list[str] = []
    items = cast("Sequence[object]", passes if isinstance(passes, list | tuple) else [passes])
    for item in items:
        if isinstance(item, ModulePass):
            texts.append(str(item.pipeline_pass_spec()))
        elif isinstance(item, str):
            texts.append(item)
        else:
            raise CompileError(
                f"passes are text such as 'tile,fuse', or a list of passes, not {type(item)!r:.60}"
            )
    return ",".join(filter(None, (text.strip() for text in texts)))


class _Programs:
    """The kernels that pipelines make of a module, which stays as it is: each is lowered once.

    Kernels are remembered for the process as well, unless FA_CACHE=0 says that nothing is.
    """

    def __init__(self, module: ModuleOp, machine: str | None):
        self.module = module
        self.machine = machine
        self._made: dict[str, Kernel] = {}

    def __call__(self, pipeline: str) -> Kernel:
        """The kernel of a pipeline; its fields are not the caller's. CompileError where it makes
        none."""
        if pipeline not in self._made:
            self._made[pipeline] = self._remembered(pipeline)
        return self._made[pipeline]

    @cached_property
    def _text(self) -> tuple[str, str]:
        """What names the module: its text, with machine and target, and where its operations
        stand in which file."""
        places = "".join(str(op.location) for op in self.module.walk())
        named, machine = self.module.clone(), self.machine
        if machine is not None:
            with_position(lambda: settle_machine(named, machine), named)
        return module_text(named), places

    def _remembered(self, pipeline: str) -> Kernel:
        key = (*self._text, pipeline)
        kernel = _COMPILED.get(key)
        if kernel is None:
            kernel = _lowered(self.module.clone(), pipeline, self.machine)
            if cache_folder() is not None:
                if len(_COMPILED) == MOST_COMPILED:
                    _COMPILED.pop(next(iter(_COMPILED)))
                _COMPILED[key] = kernel
        return kernel


def _chosen(made: _Programs, choice: Choice) -> Kernel | None:
    """The kernel that a choice makes; None where it makes none."""
    try:
        kernel = made(choice.pipeline)
    except CompileError:
        # What the model takes for possible may not be; the defaults find another way.
        return None
    own = copy(kernel)
    # Programs and layouts are never changed in place; the words of a kernel are its caller's.
    own.words = kernel.words.copy()
    own.mappings = choice.report
    own.__dict__.pop("report", None)
    return own


MOST_COMPILED = 16
"""Kernels that a process keeps, so that the same attention is not lowered again."""

_COMPILED: dict[tuple[str, str, str], Kernel] = {}
"""By the module's text, which names machine and target, where its operations stand in which file,
and the pipeline."""


def _lowered(module: ModuleOp, passes: str, machine: str | None) -> Kernel:
    """The kernel that a pipeline makes of a module, lowered at the end if it has not been."""
    pipeline = ",".join(filter(None, (passes.strip(), "lower-to-isa")))
    run_passes(module, pipeline, machine)
    kernel = kernel_of(module)
    kernel.passes = passes.strip() or pipeline
    return kernel


def _choose(
    module: ModuleOp, machine: str | None, tune: bool, made: Callable[[str], Kernel]
) -> Choice | None:
    """The mapping for a module (`fa.search`); None where there is nothing to choose. `made` gives
    the kernel that a pipeline makes.

    The machine is attached to the module, whose text stands for it among kernels that are kept.
    Raises CompileError where the module names a target or a machine that there is none of.
    """
    from fa.frontends.machine_file import check_machine
    from fa.search import choose

    if machine is not None:
        check_machine(machine)
        with_position(lambda: settle_machine(module, machine), module)

    def measure(pipeline: str, run: bool) -> tuple[int, int]:
        kernel = made(pipeline)
        target = target_of(module)
        if target == BYTES or not run or not table_for(target).is_timed:
            # Counted as the simulator would; without timed transfers there is nothing to simulate.
            try:
                return cost(kernel).total.of(target), len(kernel.words)
            except ValueError as error:
                raise CompileError(str(error)) from None
        try:
            return kernel.run(*kernel.defaults(), table=target).cycles, len(kernel.words)
        except Trap as trap:
            raise CompileError(f"the machine stops: {trap}") from None

    found: list[Choice | None] = []
    with_position(lambda: found.append(choose(module, machine, tune, measure)), module)
    return found[0]


def kernel_of(module: ModuleOp) -> Kernel:
    """The kernel that a lowered module holds; raises CompileError where it holds none.

    The module is the kernel's from then on, and must not change: its text is made when asked for.
    """
    from fa.lowering.assembly import assembly, the_kernel
    from fa.lowering.instruction_sources import source_map
    from fa.lowering.report import kernel_slots, report
    from fa.passes.masks.mask_counts import mask_tiles

    found: list[Kernel] = []

    def build() -> None:
        op = the_kernel(module)
        machine = settle_machine(module)
        manifest = attribute_of(op, LAYOUT_ATTRIBUTE)
        # A kernel from elsewhere has no arguments and no results, and says nothing of memories.
        layout = Layout(op.sym_name.data, (), ())
        if manifest is not None:
            layout = layout_from(manifest)
            check_machine(layout, machine)
        layout = replace(layout, sram={**layout.sram, "int_mem": kernel_slots(op)})
        text = report(op, layout, machine)
        sources, problems, counts = source_map(op), problems_of(module), mask_tiles(op)
        asm = assembly(op)
        found.append(Kernel(asm, layout, machine, module, text, sources, problems, counts))
        ungrouped = attribute_of(op, UNGROUPED)
        if isinstance(ungrouped, StringAttr):
            found[0].ungrouped = ungrouped.data

    with_position(build, module)
    return found[0]


def interpret(
    module: Source,
    args: Sequence[NDArray[Any] | mx.Blocks],
    round: bool = True,
    constants: Mapping[str, ArrayLike] | None = None,
    function: str | None = None,
) -> list[Array]:
    """Run `fa` or `mx` IR of any level, or an ONNX model, with numpy; the results as float32.

    A module of several functions is run as host code with kernels that are interpreted too;
    `function` says which, where more than one is called by no other.

    An argument whose type is block-scaled can be `mx.Blocks`, and one of codes is an array of
    integers, as such results are. Values are computed in float32 and rounded to their element
    types; `round=False` does not round. Raises CompileError for arguments that do not fit.
    `constants` is as for `compile`.
    """
    from fa.compiled_module import needs_host, run_host
    from fa.dialects.interpreters.fa import run_function
    from xdsl.utils.exceptions import InterpretationError

    loaded = load_source(module, constants)
    if function is not None or needs_host(loaded):
        return run_host(loaded, cast("Sequence[ArrayLike]", args), function, round)
    try:
        values = [arg if isinstance(arg, mx.Blocks) else np.asarray(arg) for arg in args]
        return run_function(loaded, values, round)
    except InterpretationError as error:
        op: Operation | None = getattr(error, "op", None)
        raise CompileError(str(error), None if op is None else position(op)) from None


def cost(kernel: Kernel, kv_lens: Sequence[int] | None = None) -> Cost:
    """What a kernel costs in both tables and in HBM bytes, counted without running it.

    The result answers to attributes and to keys: `cost["emulator_cycles"]`, `dict(cost)`; see
    `fa.machine.cost.cost.Cost`. A kernel with lengths at run time costs what it does for `kv_lens`,
    one for each batch, or for the largest. Raises CompileError for a program whose cost is not
    known ahead, and for lengths that there cannot be.
    """
    lengths = _lengths(kernel.layout, kv_lens)
    words = (int(word) for word in kernel.words)
    try:
        return program_cost(words, kernel.machine, kernel.layout, lengths=lengths)
    except (CostError, LayoutError) as error:
        raise CompileError(str(error)) from None


def _lengths(layout: Layout, kv_lens: Sequence[int] | None) -> dict[int, Sequence[int]]:
    """Lengths by argument; each argument of lengths has the same ones."""
    if kv_lens is None:
        return {}
    given: dict[int, Sequence[int]] = {}
    for each in layout.lengths:
        if len(kv_lens) != each.count:
            raise CompileError(f"kv_lens are {each.count} lengths, got {len(kv_lens)}")
        given[each.argument] = kv_lens
    if not given:
        raise CompileError("the kernel has no lengths at run time; leave kv_lens out")
    return given
