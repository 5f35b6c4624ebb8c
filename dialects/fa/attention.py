"""`fa.attention`: what is wanted, on tensors."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.dialects.builtin import (
    Float16Type,
    Float32Type,
    FloatAttr,
    IndexType,
    IntegerType,
    StringAttr,
    TensorType,
    UnitAttr,
    f32,
    i1,
)
from xdsl.dialects.utils import AbstractYieldOperation
from xdsl.ir import Attribute, Operation, Region, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    AttrSizedRegionSegments,
    AttrSizedResultSegments,
    IRDLOperation,
    irdl_op_definition,
    lazy_traits_def,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    opt_region_def,
    opt_result_def,
    result_def,
    traits_def,
)
from xdsl.parser import Parser, UnresolvedOperand
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, IsTerminator, NoMemoryEffect, Pure
from xdsl.utils.exceptions import VerifyException

from ...machine.numerics.bounded_scores import EXP_CLAMP, HIGHEST
from .masks import MaskAttr, unknown_mask, verify_mask
from .run_time_lengths import verify_lengths
from .type_access import shape_text, tensor_dims, tensor_element
from .types import ELEMENT_TYPES

F32_MAX = 3.4028234663852886e38

ATTRIBUTES = ("lse", "mask", "scale", "softcap", "qk", "score_bound")

STAGES = ("raw", "capped", "masked", "softmax")
"""Where the scores can be taken out as a result: scale Q K^T, after softcap and score function,
after bias and mask, after the softmax."""

MASK_ARGUMENTS = 4
"""Arguments of a mask function: batch, head, query, key."""

SCORE_ARGUMENTS = 5
"""Arguments of a score or probability function: value, batch, head, query, key."""

CLAUSES = ("bias", "sinks", "lengths")
"""Operands of `fa.attention` that need not be there, in the order in which they are written."""

REGIONS = ("mask_mod", "score_mod", "prob_mod")
"""Functions of `fa.attention`, in the order in which they are written."""


class OwnValues(IsolatedFromAbove):
    """The functions of an operation use nothing from outside, so that they can be evaluated alone.

    As upstream's trait, which keeps `cse` from moving constants out of them, with a message for
    users.
    """

    def verify(self, op: Operation) -> None:
        for region in op.regions:
            own = {value for inner in region.walk() for value in inner.results}
            own |= {argument for block in region.blocks for argument in block.args}
            for inner in region.walk():
                if any(operand not in own for operand in inner.operands):
                    raise VerifyException(
                        f"{inner.name} in its function uses a value from outside; a function "
                        "has its arguments and constants of its own"
                    )


@irdl_op_definition
class YieldOp(AbstractYieldOperation[Attribute]):
    """The result of a mask, score or probability function; what leaves a row loop."""

    name = "fa.yield"

    traits = lazy_traits_def(lambda: (IsTerminator(), NoMemoryEffect()))


@irdl_op_definition
class AttentionOp(IRDLOperation):
    """softmax(f(scale * Q K^T) + bias, masked) V for each batch and query head.

    q: [batch, q_heads, q_len, head_dim], k: [batch, kv_heads, kv_len, head_dim],
    v: [batch, kv_heads, kv_len, value_dim]; q_heads is a multiple of kv_heads, and query head h
    reads KV head h * kv_heads / q_heads. Result: [batch, q_heads, q_len, value_dim]. Without
    `scale`: 1/sqrt(head_dim). A row that sees no key gives 0, and logsumexp -inf.

    In the order in which they act on the scores: `softcap` c makes c tanh(s / c); `score_mod` is a
    function of (s, batch, head, query, key); `bias` [batch|1, q_heads|1, q_len|1, kv_len] is added;
    `mask` hides, and `mask_mod`, a function of (batch, head, query, key) known at compile time,
    hides where it is false; `sinks` [q_heads] is one more score for each row that attends to
    nothing; `prob_mod` is a function of the probabilities. With `lse` a second result is the
    logsumexp of each row, [batch, q_heads, q_len] in f32; with `qk = "raw" | "capped" | "masked" |
    "softmax"` a further one is the scores at that stage, [batch, q_heads, q_len, kv_len].

    `lengths` [batch], i32, says at run time how many keys of each batch are valid, 0 to kv_len; the
    others are as if they were not there, and a mask without an offset moves with the length.

    `score_bound` X promises that every score, after the soft cap, lies in [-X, X], hidden or not: a
    kernel that does without a maximum can be made then. Whoever brings data checks the promise. A
    soft cap is such a bound by itself.
    """

    name = "fa.attention"

    query = operand_def(TensorType)
    key = operand_def(TensorType)
    value = operand_def(TensorType)
    bias = opt_operand_def(TensorType)
    sinks = opt_operand_def(TensorType)
    lengths = opt_operand_def(TensorType)
    mask = opt_prop_def(Attribute)
    scale = opt_prop_def(FloatAttr)
    softcap = opt_prop_def(FloatAttr)
    lse = opt_prop_def(UnitAttr)
    qk = opt_prop_def(StringAttr)
    score_bound = opt_prop_def(FloatAttr)
    output = result_def(TensorType)
    logsumexp = opt_result_def(TensorType)
    scores = opt_result_def(TensorType)
    mask_mod = opt_region_def("single_block")
    score_mod = opt_region_def("single_block")
    prob_mod = opt_region_def("single_block")

    irdl_options = (
        AttrSizedOperandSegments(as_property=True),
        AttrSizedResultSegments(as_property=True),
        AttrSizedRegionSegments(as_property=True),
    )
    traits = traits_def(Pure(), OwnValues())

    def __init__(
        self,
        query: SSAValue,
        key: SSAValue,
        value: SSAValue,
        *,
        bias: SSAValue | None = None,
        sinks: SSAValue | None = None,
        lengths: SSAValue | None = None,
        mask: Attribute | None = None,
        scale: float | None = None,
        softcap: float | None = None,
        lse: bool = False,
        qk: str | None = None,
        score_bound: float | None = None,
        mask_mod: Region | None = None,
        score_mod: Region | None = None,
        prob_mod: Region | None = None,
    ):
        q, element_type = tensor_dims(query), tensor_element(query)
        results = (
            TensorType(element_type, (*q[:3], *tensor_dims(value)[3:])),
            TensorType(f32, q[:3]) if lse else None,
            None if qk is None else TensorType(element_type, (*q[:3], tensor_dims(key)[2])),
        )
        super().__init__(
            operands=[query, key, value, bias, sinks, lengths],
            properties={
                "mask": mask,
                "scale": None if scale is None else FloatAttr(scale, f32),
                "softcap": None if softcap is None else FloatAttr(softcap, f32),
                "lse": UnitAttr() if lse else None,
                "qk": None if qk is None else StringAttr(qk),
                "score_bound": None if score_bound is None else FloatAttr(score_bound, f32),
            },
            result_types=list(results),
            regions=[mask_mod, score_mod, prob_mod],
        )

    @property
    def factor(self) -> float:
        """What the scores are multiplied with."""
        if self.scale is not None:
            return self.scale.value.data
        return float(tensor_dims(self.query)[3]) ** -0.5

    @property
    def cap(self) -> float | None:
        """The soft cap of the scores; None without one."""
        return None if self.softcap is None else self.softcap.value.data

    @property
    def stage(self) -> str | None:
        """The stage at which the scores are a result; None where they are none."""
        return None if self.qk is None else self.qk.data

    @property
    def promised(self) -> float | None:
        """What scores are promised to stay within; None without a promise."""
        return None if self.score_bound is None else self.score_bound.value.data

    @property
    def needs_maximum(self) -> str | None:
        """What makes every kernel find the maximum of a row, whatever bounds scores; None if
        nothing does."""
        parts = (
            ("bias", "adds what may be any number", self.bias),
            ("sinks", "are scores that no bound holds for", self.sinks),
            ("score_mod", "makes of scores what may be any number", self.score_mod),
            ("prob_mod", "is a function of finished probabilities", self.prob_mod),
            ("lse", "needs sums between 1 and the number of keys", self.lse),
        )
        for name, why, part in parts:
            if part is not None:
                return f"{name}, which {why}"
        if isinstance(tensor_element(self.query), Float16Type):
            return "f16, which overflows at exp(11)"
        return "probabilities as a result, which are finished" if self.stage == "softmax" else None

    @property
    def bound(self) -> float | None:
        """What scores stay within by promise or soft cap, where a kernel can use it."""
        known = [x for x in (self.promised, self.cap) if x is not None]
        return min(known) if known and self.needs_maximum is None else None

    @property
    def heads_alike(self) -> bool:
        """Whether the query heads of a group differ in their queries only."""
        parts = (self.bias, self.sinks, self.score_mod, self.prob_mod, self.mask_mod, self.qk)
        return all(part is None for part in parts)

    @property
    def resolved_mask(self) -> MaskAttr | None:
        """The mask with its offsets written out; None without one."""
        if self.mask is None:
            return None
        if not isinstance(self.mask, MaskAttr):
            raise VerifyException(unknown_mask(self.mask))
        return self.mask.resolved(tensor_dims(self.query)[2], tensor_dims(self.key)[2])

    @property
    def moving_mask(self) -> MaskAttr | None:
        """The mask as it is, where it moves with lengths; None without lengths or a mask."""
        if self.lengths is None or self.mask is None:
            return None
        if not isinstance(self.mask, MaskAttr):
            raise VerifyException(unknown_mask(self.mask))
        return self.mask

    def verify_(self) -> None:
        for name, operand in (("query", self.query), ("key", self.key), ("value", self.value)):
            dims = tensor_dims(operand)
            if len(dims) != 4:
                raise VerifyException(
                    f"{name} must have rank 4 [batch, heads, length, dim], got rank {len(dims)}"
                )
            if any(extent < 1 for extent in dims):
                raise VerifyException(
                    f"the extents of {name} must be static and at least 1, got {operand.type}"
                )
            if not isinstance(tensor_element(operand), ELEMENT_TYPES):
                raise VerifyException(
                    f"{name} must hold bf16, f16 or f32, got {tensor_element(operand)}"
                )
        q, k, v = (tensor_dims(x) for x in (self.query, self.key, self.value))
        if not q[0] == k[0] == v[0]:
            raise VerifyException(f"batch sizes differ: query {q[0]}, key {k[0]}, value {v[0]}")
        if k[1] != v[1]:
            raise VerifyException(f"key has {k[1]} heads and value {v[1]}; they must agree")
        if q[1] % k[1]:
            raise VerifyException(
                f"the number of query heads ({q[1]}) must be a multiple of the number of KV heads "
                f"({k[1]})"
            )
        if k[2] != v[2]:
            raise VerifyException(f"key has {k[2]} rows and value {v[2]}; they must agree")
        if q[3] != k[3]:
            raise VerifyException(
                f"query has {q[3]} columns and key {k[3]}; the head dimensions must agree"
            )
        if self.mask is not None:
            verify_mask(self.mask, q[0], k[2])
        if not abs(self.factor) <= F32_MAX:
            raise VerifyException(f"scale must be a finite f32, got {self.factor}")
        if self.cap is not None and not 0 < self.cap <= F32_MAX:
            raise VerifyException(f"softcap must be positive and finite, got {self.cap}")
        if self.stage is not None and self.stage not in STAGES:
            raise VerifyException(f"qk is one of {', '.join(STAGES)}, got '{self.stage}'")
        self._verify_bound()
        self._verify_inputs(q, k)
        self._verify_lengths(q[0])
        self._verify_results(q, k, v)
        for name, region in (("score_mod", self.score_mod), ("prob_mod", self.prob_mod)):
            if region is not None:
                verify_function(name, region)
        if self.mask_mod is not None:
            verify_mask_function("mask_mod", self.mask_mod)

    def _verify_bound(self) -> None:
        """Check that `score_bound` is a bound that some kernel can use."""
        bound = self.promised
        if bound is None:
            return
        if not 0 < bound <= F32_MAX:
            raise VerifyException(f"score_bound must be positive and finite, got {bound}")
        if bound > HIGHEST:
            raise VerifyException(
                f"score_bound = {bound:g} is of no use: exp is clamped at {EXP_CLAMP:g}, and a "
                f"kernel does without a maximum up to {HIGHEST:g}; promise that, or leave it out"
            )
        if self.needs_maximum is not None:
            raise VerifyException(
                f"score_bound is of no use beside {self.needs_maximum}: every kernel finds the "
                "maximum then; leave score_bound out"
            )

    def _verify_inputs(self, q: Sequence[int], k: Sequence[int]) -> None:
        """Check shapes and element types of bias and sinks."""
        for name, operand in (("bias", self.bias), ("sinks", self.sinks)):
            if operand is not None and not isinstance(tensor_element(operand), ELEMENT_TYPES):
                raise VerifyException(
                    f"{name} must hold bf16, f16 or f32, got {tensor_element(operand)}"
                )
        if self.bias is not None:
            dims, full = tensor_dims(self.bias), (*q[:3], k[2])
            if len(dims) != 4 or any(d not in (1, n) for d, n in zip(dims, full, strict=True)):
                raise VerifyException(
                    f"the bias must broadcast to {shape_text(full)}, got {shape_text(dims)}"
                )
        if self.sinks is not None and tensor_dims(self.sinks) != (q[1],):
            raise VerifyException(
                f"sinks must hold one score for each of {q[1]} query heads, "
                f"got {shape_text(tensor_dims(self.sinks))}"
            )

    def _verify_lengths(self, batch: int) -> None:
        """Check lengths, and that what hides keys by their places moves with them."""
        if self.lengths is None:
            return
        verify_lengths(self.lengths, batch)
        mask = self.moving_mask
        if mask is not None and not mask.moves:
            raise VerifyException(
                f"{mask} does not move with lengths: beside them masks are #fa.causal, #fa.window "
                "and #fa.all_of of such, without offsets"
            )
        for name, part in (("mask_mod", self.mask_mod), ("qk", self.qk)):
            if part is not None:
                raise VerifyException(f"{name} is about all keys; it cannot stand beside lengths")

    def _verify_results(self, q: Sequence[int], k: Sequence[int], v: Sequence[int]) -> None:
        """Check which results there are, and their types."""
        want = (*q[:3], v[3])
        if tensor_dims(self.output) != want:
            raise VerifyException(
                f"the result must be {shape_text(want)}, got {shape_text(tensor_dims(self.output))}"
            )
        held, wanted = tensor_element(self.output), tensor_element(self.query)
        if held != wanted:
            raise VerifyException(
                f"the result must hold what the query holds, {wanted}; got {held}"
            )
        if (self.lse is None) != (self.logsumexp is None):
            raise VerifyException("`lse` and a second result go together")
        if (self.qk is None) != (self.scores is None):
            raise VerifyException("`qk` and a result for the scores go together")
        if self.logsumexp is not None:
            if not isinstance(tensor_element(self.logsumexp), Float32Type):
                raise VerifyException("the logsumexp result must hold f32")
            if tensor_dims(self.logsumexp) != tuple(q[:3]):
                raise VerifyException(f"the logsumexp result must be {shape_text(q[:3])}")
        if self.scores is not None and tensor_dims(self.scores) != (*q[:3], k[2]):
            raise VerifyException(f"the scores must be {shape_text((*q[:3], k[2]))}")

    def _clauses(self) -> tuple[tuple[str, SSAValue | None], ...]:
        """Operands that need not be there, by the words in front of them."""
        return tuple(zip(CLAUSES, (self.bias, self.sinks, self.lengths), strict=True))

    def print(self, printer: Printer) -> None:
        printer.print_string(" ")
        printer.print_list((self.query, self.key, self.value), printer.print_ssa_value)
        for word, operand in self._clauses():
            if operand is not None:
                printer.print_string(f" {word}(")
                printer.print_ssa_value(operand)
                printer.print_string(")")
        properties = {name: self.properties.get(name) for name in ATTRIBUTES}
        shown = {name: value for name, value in properties.items() if value is not None}
        printer.print_op_attributes({**shown, **self.attributes})
        for word, region in zip(
            REGIONS, (self.mask_mod, self.score_mod, self.prob_mod), strict=True
        ):
            if region is not None:
                printer.print_string(f" {word} ")
                printer.print_region(region)
        printer.print_string(" : ")
        printer.print_list(self.operand_types, printer.print_attribute)
        printer.print_string(" -> ")
        printer.print_list(self.result_types, printer.print_attribute)

    @classmethod
    def parse(cls, parser: Parser) -> AttentionOp:
        start = parser.pos
        operands = parser.parse_comma_separated_list(
            parser.Delimiter.NONE, parser.parse_unresolved_operand
        )
        if len(operands) != 3:
            parser.raise_error("fa.attention takes query, key and value", start)
        extras: dict[str, UnresolvedOperand] = {}
        for word in CLAUSES:
            if parser.parse_optional_keyword(word) is not None:
                parser.parse_punctuation("(")
                extras[word] = parser.parse_unresolved_operand()
                parser.parse_punctuation(")")
        written = dict(parser.parse_optional_attr_dict())
        # Names with a dialect in front belong to passes, not to the operation.
        given = {name: value for name, value in written.items() if "." not in name}
        regions = {
            word: parser.parse_region()
            for word in REGIONS
            if parser.parse_optional_keyword(word) is not None
        }
        parser.parse_punctuation(":")
        types = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
        parser.parse_punctuation("->")
        results = parser.parse_comma_separated_list(parser.Delimiter.NONE, parser.parse_type)
        expected = 1 + ("lse" in given) + ("qk" in given)
        if len(types) != 3 + len(extras) or len(results) != expected:
            parser.raise_error(
                f"fa.attention needs a type for each of its {3 + len(extras)} operands and for "
                f"each of its results: the output, with `lse` the logsumexp, with `qk` the scores "
                f"({expected} here)",
                start,
            )
        _check_attributes(parser, given, start)
        resolved = parser.resolve_operands([*operands, *extras.values()], types, start)
        named = dict(zip(extras, resolved[3:], strict=True))
        rest = results[1:]
        return cls.build(
            operands=[*resolved[:3], *(named.get(word) for word in CLAUSES)],
            properties=given,
            attributes={name: value for name, value in written.items() if name not in given},
            result_types=[
                results[0],
                rest.pop(0) if "lse" in given else None,
                rest.pop(0) if "qk" in given else None,
            ],
            regions=[regions.get(word) for word in REGIONS],
        )


def _check_attributes(parser: Parser, given: dict[str, Attribute], start: int) -> None:
    """Reject unknown attributes and values of the wrong kind, at the operation."""
    unknown = sorted(set(given) - set(ATTRIBUTES))
    if unknown:
        names = ", ".join(ATTRIBUTES)
        parser.raise_error(
            f"unknown attribute '{unknown[0]}' of fa.attention; there are {names}", start
        )
    kinds: tuple[tuple[str, type[Attribute], str], ...] = (
        ("scale", FloatAttr, "scale must be a float, such as 0.125 : f32"),
        ("softcap", FloatAttr, "softcap must be a float, such as 50.0 : f32"),
        ("score_bound", FloatAttr, "score_bound must be a float, such as 60.0 : f32"),
        ("lse", UnitAttr, "lse takes no value"),
        ("qk", StringAttr, f"qk must be one of {', '.join(STAGES)}, in quotes"),
    )
    for name, kind, message in kinds:
        if name in given and not isinstance(given[name], kind):
            parser.raise_error(message, start)


def verify_function(name: str, region: Region, tables: int = 0) -> None:
    """Check the signature of a score or probability function; `tables` more values may follow."""
    kinds = [argument.type for argument in region.block.args]
    index = all(isinstance(kind, IndexType | IntegerType) for kind in kinds[1:SCORE_ARGUMENTS])
    values = [*kinds[:1], *kinds[SCORE_ARGUMENTS:]]
    floats = all(isinstance(kind, Float32Type) for kind in values)
    if len(kinds) != SCORE_ARGUMENTS + tables or not floats or not index:
        more = f", and an f32 for each of {tables} tables" if tables else ""
        raise VerifyException(
            f"{name} takes a value (f32) and the indices of batch, head, query and key{more}, "
            f"got ({', '.join(map(str, kinds))})"
        )
    last = region.block.last_op
    if not isinstance(last, YieldOp) or [v.type for v in last.operands] != [f32]:
        raise VerifyException(f"{name} must end with fa.yield of one f32")


def verify_mask_function(name: str, region: Region) -> None:
    """Check the signature of a mask function."""
    kinds = [argument.type for argument in region.block.args]
    if len(kinds) != MASK_ARGUMENTS or not all(isinstance(kind, IndexType) for kind in kinds):
        raise VerifyException(
            f"{name} takes the indices of batch, head, query and key (index each), "
            f"got ({', '.join(map(str, kinds))})"
        )
    last = region.block.last_op
    if not isinstance(last, YieldOp) or [v.type for v in last.operands] != [i1]:
        raise VerifyException(f"{name} must end with fa.yield of one i1")
