"""Quantizing and decoding whole tensors in linalg operations; see `lower-mx`."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import DenseIntOrFPElementsAttr, TensorType, f32, f64, i8, i32
from xdsl.ir import Attribute, SSAValue

from ...dialects.mx.types import BlockAttr
from . import mx_scalar as formulas
from .linalg_builder import Body, Dims, PlainBuilder, Shape, shape_of
from .mx_scalar import E4M3_NAN, INFINITY, NAN_SCALE, Element


@dataclass(frozen=True)
class Stored:
    """A block-scaled tensor as plain ones: i8 codes, i8 scales, and with e4m3 scales an f32."""

    encoding: BlockAttr
    shape: Shape
    codes: SSAValue
    scales: SSAValue
    tensor_scale: SSAValue | None = None

    @property
    def parts(self) -> list[SSAValue]:
        """The tensors that stand for this one."""
        tail = [] if self.tensor_scale is None else [self.tensor_scale]
        return [self.codes, self.scales, *tail]


@dataclass(frozen=True)
class _Blocked:
    """The loops over a tensor cut into blocks, [..., blocks, block, ...]."""

    axis: int
    size: int
    short: int
    extents: Shape

    @classmethod
    def of(cls, shape: Shape, encoding: BlockAttr) -> _Blocked:
        axis, size = encoding.axis.data % len(shape), encoding.size.data
        short = -shape[axis] % size
        blocks = (shape[axis] + short) // size
        return cls(axis, size, short, (*shape[:axis], blocks, size, *shape[axis + 1 :]))

    @property
    def all(self) -> Dims:
        """Every loop."""
        return tuple(range(len(self.extents)))

    @property
    def outer(self) -> Dims:
        """The loops over blocks."""
        return tuple(dim for dim in self.all if dim != self.axis + 1)

    @property
    def blocks(self) -> Shape:
        """The shape of the scales."""
        return tuple(self.extents[dim] for dim in self.outer)

    def cut(self, build: PlainBuilder, source: SSAValue) -> SSAValue:
        """A tensor as blocks, the last one filled with zeros."""
        return build.split(build.pad_end(source, self.axis, self.short), self.axis, self.size)

    def whole(self, build: PlainBuilder, source: SSAValue, shape: Shape) -> SSAValue:
        """Blocks as a tensor of the shape that they were cut from."""
        joined = build.join(source, self.axis)
        return build.slice(joined, self.axis, 0, shape[self.axis])


def rounded(build: PlainBuilder, source: SSAValue, to: Attribute) -> SSAValue:
    """A tensor in another float type."""
    return build.elementwise(source, to, lambda b, x: b.convert(x, to))


def encoded(build: PlainBuilder, source: SSAValue, encoding: BlockAttr) -> Stored:
    """Codes and scales of a tensor of floats."""
    shape = shape_of(source)
    loops = _Blocked.of(shape, encoding)
    form = formulas.element(encoding)
    values = loops.cut(build, rounded(build, source, f32))
    largest = _largest(build, values, loops, encoding)
    whole = None
    if encoding.rounding.data == "store":
        codes, scales = _store(build, values, largest, loops, form)
    elif encoding.scale.data == "e4m3":
        whole = _tensor_scale(build, largest, form)
        codes, scales = _two_level(build, values, largest, whole, loops, form)
    else:
        codes, scales = _one_level(build, values, largest, loops, form, encoding.rule.data)
    return Stored(encoding, shape, loops.whole(build, codes, shape), scales, whole)


def decoded(build: PlainBuilder, stored: Stored, to: Attribute) -> SSAValue:
    """The values of a block-scaled tensor."""
    loops = _Blocked.of(stored.shape, stored.encoding)
    form = formulas.element(stored.encoding)
    codes = loops.cut(build, stored.codes)
    e4m3 = formulas.named_element("e4m3")

    def value(b: Body, code: SSAValue, scale: SSAValue, *whole: SSAValue) -> SSAValue:
        number = b.from_code(scale)
        if whole:
            factor = b.op(arith.MulfOp, formulas.decode(b, number, e4m3), whole[0])
        else:
            factor = formulas.scale_value(b, number, form.plena)
        element = formulas.decode(b, b.from_code(code), form)
        return b.convert(b.op(arith.MulfOp, element, factor), to)

    inputs: list[tuple[SSAValue, Dims]] = [(codes, loops.all), (stored.scales, loops.outer)]
    if stored.tensor_scale is not None:
        inputs.append((stored.tensor_scale, ()))
    values = build.generic(loops.extents, inputs, [(to, loops.all)], value)[0]
    return loops.whole(build, values, stored.shape)


def _largest(
    build: PlainBuilder, values: SSAValue, loops: _Blocked, encoding: BlockAttr
) -> SSAValue:
    """The bits of each block's largest magnitude. OCP: at or above INFINITY where a block holds
    something else than numbers. The machine's own leaves that out, its stores only NaNs."""
    plena, store = encoding.variant.data == "plena", encoding.rounding.data == "store"

    def step(b: Body, x: SSAValue, most: SSAValue) -> SSAValue:
        size = formulas.magnitude(b, x)
        if plena:
            strange = b.compare("ugt" if store else "uge", size, b.int(INFINITY))
            size = b.select(strange, b.int(0), size)
        return b.op(arith.MaxUIOp, size, most)

    return build.generic(
        loops.extents, [(values, loops.all)], [(i32, loops.outer)], step, initial=0
    )[0]


def _one_level(
    build: PlainBuilder,
    values: SSAValue,
    largest: SSAValue,
    loops: _Blocked,
    form: Element,
    rule: str,
) -> tuple[SSAValue, SSAValue]:
    """Codes as blocks, and E8M0 scales, elements to nearest."""

    def scale(b: Body, most: SSAValue) -> SSAValue:
        if form.plena:
            return b.code(formulas.e8m0(b, most, form, rule))
        strange = b.compare("uge", most, b.int(INFINITY))
        code = formulas.e8m0(b, b.select(strange, b.int(0), most), form, rule)
        return b.code(b.select(strange, b.int(NAN_SCALE), code))

    scales = build.elementwise(largest, i8, scale)

    def code(b: Body, x: SSAValue, scale: SSAValue, most: SSAValue) -> SSAValue:
        size = formulas.magnitude(b, x) if form.plena else most
        strange = b.compare("uge", size, b.int(INFINITY))
        exponent = b.op(arith.SubiOp, b.int(formulas.BIAS), b.from_code(scale))
        scaled = b.op(arith.MulfOp, x, formulas.power_of_two(b, exponent))
        found = formulas.nearest_code(b, b.select(strange, b.float(0.0), scaled), form)
        if form.plena:
            found = _strange_code(b, x, size, found, form)
        return b.code(found)

    inputs = [(values, loops.all), (scales, loops.outer), (largest, loops.outer)]
    return build.generic(loops.extents, inputs, [(i8, loops.all)], code)[0], scales


def _strange_code(b: Body, x: SSAValue, size: SSAValue, code: SSAValue, form: Element) -> SSAValue:
    """The machine's codes of infinities and NaNs, which its scales do not have."""
    infinity = form.largest_code + 1
    sign = b.op(arith.ShRUIOp, b.bits(x), b.int(32 - form.bits))
    sign = b.op(arith.AndIOp, sign, b.int(1 << form.bits - 1))
    code = b.select(
        b.compare("eq", size, b.int(INFINITY)), b.op(arith.OrIOp, sign, b.int(infinity)), code
    )
    return b.select(b.compare("ugt", size, b.int(INFINITY)), b.int(infinity | 1), code)


def _store(
    build: PlainBuilder, values: SSAValue, largest: SSAValue, loops: _Blocked, form: Element
) -> tuple[SSAValue, SSAValue]:
    """Codes as blocks, and scales, as the machine's stores make them."""

    def scale(b: Body, most: SSAValue) -> SSAValue:
        return b.code(formulas.store_scale(b, b.value(most)))

    scales = build.elementwise(largest, i8, scale)

    def code(b: Body, x: SSAValue, scale: SSAValue, most: SSAValue) -> SSAValue:
        exponent = b.op(arith.SubiOp, b.from_code(scale), b.int(formulas.BIAS))
        found = formulas.store_code(b, x, exponent, form)
        return b.code(b.select(b.compare("eq", most, b.int(0)), b.int(0), found))

    inputs = [(values, loops.all), (scales, loops.outer), (largest, loops.outer)]
    return build.generic(loops.extents, inputs, [(i8, loops.all)], code)[0], scales


def _tensor_scale(build: PlainBuilder, largest: SSAValue, form: Element) -> SSAValue:
    """The f32 that puts the largest block scale at the largest e4m3 number; 1 for zeros."""
    shape = shape_of(largest)
    e4m3 = formulas.named_element("e4m3")

    def step(b: Body, block: SSAValue, most: SSAValue) -> SSAValue:
        strange = b.compare("uge", block, b.int(INFINITY))
        return b.op(arith.MaxUIOp, b.select(strange, b.int(0), block), most)

    def scale(b: Body, most: SSAValue) -> SSAValue:
        whole = b.op(arith.DivfOp, b.value(most), b.float(form.largest * e4m3.largest))
        return b.select(b.compare_float("ogt", whole, b.float(0.0)), whole, b.float(1.0))

    dims = tuple(range(len(shape)))
    most = build.generic(shape, [(largest, dims)], [(i32, ())], step, initial=0)[0]
    return build.generic((), [(most, ())], [(f32, ())], scale)[0]


def _two_level(
    build: PlainBuilder,
    values: SSAValue,
    largest: SSAValue,
    whole: SSAValue,
    loops: _Blocked,
    form: Element,
) -> tuple[SSAValue, SSAValue]:
    """Codes as blocks, and e4m3 scales under a tensor scale."""
    every = tuple(range(len(loops.blocks)))
    e4m3 = formulas.named_element("e4m3")

    def scale(b: Body, most: SSAValue, all_: SSAValue) -> SSAValue:
        strange = b.compare("uge", most, b.int(INFINITY))
        size = b.value(b.select(strange, b.int(0), most))
        wanted = b.op(arith.DivfOp, b.op(arith.DivfOp, size, b.float(form.largest)), all_)
        code = formulas.nearest_code(b, wanted, e4m3)
        return b.code(b.select(strange, b.int(E4M3_NAN), code))

    scales = build.generic(loops.blocks, [(largest, every), (whole, ())], [(i8, every)], scale)[0]

    def code(b: Body, x: SSAValue, scale: SSAValue, all_: SSAValue, most: SSAValue) -> SSAValue:
        strange = b.compare("uge", most, b.int(INFINITY))
        factor = b.op(arith.MulfOp, formulas.decode(b, b.from_code(scale), e4m3), all_)
        none = b.op(arith.OrIOp, strange, b.compare_float("oeq", factor, b.float(0.0)))
        quotient = b.select(none, b.float(0.0), b.op(arith.DivfOp, x, factor))
        return b.code(formulas.nearest_code(b, quotient, form))

    inputs: list[tuple[SSAValue, Dims]] = [
        (values, loops.all), (scales, loops.outer), (whole, ()), (largest, loops.outer),
    ]  # fmt: skip
    return build.generic(loops.extents, inputs, [(i8, loops.all)], code)[0], scales


def center(build: PlainBuilder, source: SSAValue, axis: int, to: Attribute) -> SSAValue:
    """A tensor less its mean along an axis, which is a sum in f64 from first to last."""
    shape = shape_of(source)
    every = tuple(range(len(shape)))
    others = tuple(dim for dim in every if dim != axis)

    def add(b: Body, x: SSAValue, total: SSAValue) -> SSAValue:
        return b.op(arith.AddfOp, total, b.convert(x, f64))

    def less(b: Body, x: SSAValue, total: SSAValue) -> SSAValue:
        mean = b.op(arith.DivfOp, total, b.double(float(shape[axis])))
        return _narrowed(b, b.op(arith.SubfOp, b.convert(x, f64), mean), to)

    total = build.generic(shape, [(source, every)], [(f64, others)], add, initial=0.0)[0]
    return build.generic(shape, [(source, every), (total, others)], [(to, every)], less)[0]


def limited(build: PlainBuilder, source: SSAValue, depth: int, to: Attribute) -> SSAValue:
    """Biases with what is far below the largest of their row nearer, in f32."""
    shape = shape_of(source)
    every = tuple(range(len(shape)))
    rows = every[:-1]

    def most(b: Body, x: SSAValue, so_far: SSAValue) -> SSAValue:
        return b.op(arith.MaximumfOp, so_far, b.convert(x, f32))

    def nearer(b: Body, x: SSAValue, largest: SSAValue) -> SSAValue:
        wide = b.convert(x, f32)
        below = b.op(arith.MinimumfOp, largest, b.float(0.0))
        least = b.op(arith.SubfOp, b.op(arith.AddfOp, below, below), b.float(float(depth)))
        lower = b.compare_float("ogt", least, wide)
        finite = b.compare_float("ogt", wide, b.float(float("-inf")))
        return b.convert(b.select(b.op(arith.AndIOp, lower, finite), least, wide), to)

    low = float("-inf")
    largest = build.generic(shape, [(source, every)], [(f32, rows)], most, initial=low)[0]
    return build.generic(shape, [(source, every), (largest, rows)], [(to, every)], nearer)[0]


def _narrowed(b: Body, value: SSAValue, to: Attribute) -> SSAValue:
    """An f64 rounded to f32, and then to the type wanted."""
    return b.convert(b.convert(value, f32), to)


def rotated(build: PlainBuilder, source: SSAValue, seed: int, to: Attribute) -> SSAValue:
    """Vectors along the last axis through a fast Walsh-Hadamard transform in f64."""
    from ...machine.numerics.center_rotate import norm, signs, stages

    shape = shape_of(source)
    every, last = tuple(range(len(shape))), len(shape) - 1
    kind = TensorType(f64, shape[-1:])
    turns = build.constant(
        DenseIntOrFPElementsAttr.from_list(kind, signs(shape[-1], seed).tolist())
    )

    def turn(b: Body, x: SSAValue, sign: SSAValue) -> SSAValue:
        return b.op(arith.MulfOp, b.convert(x, f64), sign)

    values = build.generic(shape, [(source, every), (turns, (last,))], [(f64, every)], turn)[0]
    for half in stages(shape[-1]):
        pairs = build.split(build.split(values, last, 2 * half), last + 1, half)
        first, second = (build.slice(pairs, last + 1, at, at + 1) for at in (0, 1))
        halves = [_pairwise(build, op, first, second) for op in (arith.AddfOp, arith.SubfOp)]
        both = build.insert(tensor.ConcatOp(halves, last + 1, TensorType(f64, shape_of(pairs))))
        values = build.join(build.join(both.result, last + 1), last)

    def finish(b: Body, x: SSAValue) -> SSAValue:
        return _narrowed(b, b.op(arith.MulfOp, x, b.double(norm(shape[-1]))), to)

    return build.elementwise(values, to, finish)


def _pairwise(
    build: PlainBuilder,
    op: type[arith.AddfOp] | type[arith.SubfOp],
    first: SSAValue,
    second: SSAValue,
) -> SSAValue:
    shape = shape_of(first)
    dims = tuple(range(len(shape)))
    inputs = [(first, dims), (second, dims)]

    def body(b: Body, x: SSAValue, y: SSAValue) -> SSAValue:
        return b.op(op, x, y)

    return build.generic(shape, inputs, [(f64, dims)], body)[0]
