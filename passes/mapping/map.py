"""`map`: which instructions do the products, what lies where for them, what stays on chip.

Precondition: tile IR, fused or not. Postcondition: each `fa.scores` and `fa.matmul` names the
instruction family that does it, and its operands come in the layout that the family takes: packed
queries for btmm and btmv (`fa.packing`), values transposed for btmv, packed P (`fa.repack`) where
that costs less; tmm and mm, which take everything as it is, are what naming none means. The fixed
factor of the batched instructions is divided out of the queries and of the result. M_MM computes
the columns that values have (`columns`). Row sums by a tile of ones are an operand of the online
softmax. Loads of keys and values that do not depend on a loop stand in front of it if matrix SRAM
holds all tiles of the function, so that query tiles and the heads of a group share them.

What is set by hand stands in the function's attribute `fa.mapping`; attention that is no tiles yet
keeps it there until it is mapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from xdsl.context import Context
from xdsl.dialects import func, scf
from xdsl.dialects.builtin import (
    DictionaryAttr,
    IntegerAttr,
    ModuleOp,
    StringAttr,
    TensorType,
    UnitAttr,
    i64,
)
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ...diagnostics import OpError
from ...dialects import fa
from ...dialects.discardable_attrs import attribute_of
from ...dialects.fa.discardable_attrs import MAPPED, MAPPING, UNROLL_ROWS
from ...dialects.fa.mapping_attrs import BATCHED_FACTOR, SCORE_FAMILIES
from ...dialects.fa.problem_attr import problems_of
from ...dialects.json_attr import decode
from ...dialects.machine_attr import settle_machine
from ...dialects.target_attr import target_of
from ...machine.numerics.storage_policies import settings_keys
from ...machine.spec.formats import HbmFormat, MxFormat
from ..support.def_use import Carried, producer
from ..support.loop_affine import affine
from ..support.rounding import round_up
from .arrange_arguments import is_arrangeable
from .constant_tiles import unit_tile
from .family_costs import FamilyCosts
from .legality import COLUMNS_BY_MM, why_not_packed, why_not_transposed
from .matrix_room import tiles_at_once
from .packed_queries import QueryTile, pack, packing_for, shift
from .packed_results import pack_results
from .sums_by_columns import divide_by_columns, only_divides, why_no_columns
from .sums_by_ones import sum_by_ones
from .transposed_values import load_transposed

End: TypeAlias = fa.NormalizeOp | fa.StoreOp
"""What an accumulator ends in."""

ScoreFamily = Literal["tmm", "btmm", "btmv"]
ProductFamily = Literal["mm", "btmv", "packed"]
SumFamily = Literal["reduce", "ones", "columns"]


@dataclass(frozen=True)
class MapPass(ModulePass):
    """Instruction families, layouts of operands, resident tiles."""

    name = "map"

    qk: ScoreFamily | None = None
    """The family that does Q K^T: M_TMM, M_BTMM or M_BTMV. By default what costs least on the
    module's target; a family that a product cannot take is an error that says why."""
    pv: ProductFamily | None = None
    """What does P V: `mm` M_MM, `btmv` M_BTMV on P as it is, `packed` M_BTMV on P whose rows share
    lanes (`fa.repack`). By default what costs least."""
    sums: SumFamily | None = None
    """How rows are added up: `reduce` by V_RED_SUM, `ones` by the matrix unit with a tile of ones,
    `columns` with columns of ones in V. By default what costs least."""
    unroll_rows: int | None = None
    """Rows in one iteration of a loop over rows, at most."""
    boundary: Literal["values", "storage"] = "values"
    """`storage`: the caller gives arguments as they are stored, so that the host arranges only
    what is stored without blocks."""
    machine: str | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        machine = settle_machine(op, self.machine)
        if self.unroll_rows is not None and self.unroll_rows < 1:
            raise OpError(op, f"unroll-rows must be at least 1, got {self.unroll_rows}")
        given, found = self._given(), False
        for function in [inner for inner in op.ops if isinstance(inner, func.FuncOp)]:
            if attribute_of(function, MAPPED) is not None:
                if given:
                    raise OpError(function, "the function is mapped already; start from its tiles")
                continue
            kinds = {type(inner) for inner in function.walk()}
            tiled, waits = bool(kinds & {fa.ScoresOp, fa.MatmulOp}), fa.AttentionOp in kinds
            found = found or tiled or waits
            if given and (tiled or waits):
                earlier = _attribute(function)
                function.attributes[MAPPING] = DictionaryAttr({**earlier, **given})
            if tiled and not waits:
                wished = _wishes(function)
                costs = FamilyCosts(machine, target_of(op))
                seen = max((each.keys_of_a_row for each in problems_of(op)), default=None)
                _Mapping(costs, function, wished, self.boundary == "storage", seen).apply()
                function.attributes[MAPPED] = UnitAttr()
                if wished.unroll_rows is not None:
                    function.attributes[UNROLL_ROWS] = IntegerAttr(wished.unroll_rows, i64)
        if given and not found:
            raise OpError(op, "there is nothing to map: no attention, and no products of tiles")

    def _given(self) -> dict[str, Attribute]:
        """What is set, as attributes."""
        families = {"qk": self.qk, "pv": self.pv, "sums": self.sums}
        given: dict[str, Attribute] = {
            name: StringAttr(family) for name, family in families.items() if family is not None
        }
        if self.unroll_rows is not None:
            given["unroll_rows"] = IntegerAttr(self.unroll_rows, i64)
        return given


def _attribute(function: func.FuncOp) -> dict[str, Attribute]:
    """What was set by hand before. Raises OpError where it is none of the options."""
    attribute = attribute_of(function, MAPPING)
    return dict(attribute.data) if isinstance(attribute, DictionaryAttr) else {}


@dataclass(frozen=True)
class Wishes:
    """What was set by hand for a function; None where the cost decides."""

    qk: ScoreFamily | None = None
    pv: ProductFamily | None = None
    sums: SumFamily | None = None
    unroll_rows: int | None = None


def _wishes(function: func.FuncOp) -> Wishes:
    """What was set by hand for a function. Raises OpError where it is none of the options."""
    options: Any = {name: decode(value) for name, value in _attribute(function).items()}
    return Wishes(**options)


class _Mapping:
    """The mapping of one function."""

    def __init__(
        self,
        costs: FamilyCosts,
        function: func.FuncOp,
        wished: Wishes,
        stored: bool,
        seen: int | None,
    ):
        self.costs = costs
        self.machine = costs.machine
        self.function = function
        self.qk = wished.qk
        self.pv = wished.pv
        self.sums = wished.sums
        self.stored = stored
        """Whether the caller gives arguments as they are stored."""
        self.seen = seen
        """Keys that a row sees on average, where that is known."""
        self.unit: SSAValue | None = None
        """The constant tile that packs rows, once it is needed."""

    def apply(self) -> None:
        """Map all products, then move loads out of loops."""
        for op in list(self.function.walk()):
            # A product may be gone: queries are packed for all that read them.
            if isinstance(op, fa.ScoresOp) and op.parent is not None:
                self._scores(op)
        for products, ends in self._accumulations():
            self._products(products, ends)
        if self.sums == "ones" or (self.sums is None and not self._prefers_reduce()):
            reason = sum_by_ones(self.machine, self.function)
            whole = next((i for i in self.function.walk() if isinstance(i, fa.SoftmaxOp)), None)
            if reason is None and self.sums is not None and whole is not None:
                reason = whole, "standard attention sums whole rows"
            if reason is not None and self.sums is not None:
                op, why = reason
                raise OpError(op, f"sums=ones is not possible here: {why}; sums=reduce is")
        self._hoist()

    def _given(self, role: str) -> HbmFormat | None:
        """The format in which the caller gives arguments of a role; None for values."""
        return self.machine.hbm_formats[settings_keys(role)[0]] if self.stored else None

    def _scores(self, op: fa.ScoresOp) -> None:
        if op.packing is not None or op.family is not None:
            return
        query = QueryTile.of(op, self._given("q"))
        for family in (self.qk,) if self.qk is not None else self._score_families(op, query):
            if family == "tmm":
                op.properties["family"] = fa.FamilyAttr(fa.Family.TMM)
                return
            reason = query if isinstance(query, str) else None
            if isinstance(query, QueryTile):
                dim = fa.tensor_dims(query.load.source)[-1]
                packing = packing_for(self.machine, query.rows, dim, family)
                if not isinstance(packing, str):
                    pack(self.machine, query, packing, family)
                    return
                if family == "btmm" and self.qk is not None:
                    # Slower than packed queries, but whatever the number of rows.
                    shift(query)
                    return
                reason = packing
            if self.qk is not None:
                nearest = "btmm" if isinstance(query, QueryTile) else "tmm"
                raise OpError(op, f"qk={family} is not possible here: {reason}; qk={nearest} is")

    def _score_families(self, op: fa.ScoresOp, query: QueryTile | str) -> Sequence[str]:
        """The families for Q K^T, the cheapest first."""
        dim = fa.tile(op.key).cols
        if isinstance(query, QueryTile):
            dim = fa.tensor_dims(query.load.source)[-1]
        return sorted(SCORE_FAMILIES, key=lambda family: self.costs.scores(family, dim))

    def _product_families(self, op: fa.MatmulOp) -> Sequence[str]:
        """What can do P V, the cheapest first."""
        load = producer(op.rhs, fa.LoadOp)
        dim = fa.tile(op.result).cols if load is None else fa.tensor_dims(load.source)[-1]
        panels = self._panels(fa.tile(op.lhs).cols)
        rows = self._rows()
        return sorted(
            ("packed", "btmv", "mm"),
            key=lambda family: self.costs.product(family, dim, panels, rows),
        )

    def _prefers_reduce(self) -> bool:
        """Whether row sums cost less with V_RED_SUM than by a tile of ones."""
        steps = [op for op in self.function.walk() if isinstance(op, fa.OnlineSoftmaxOp)]
        panels = self._panels(max((fa.tile(step.scores).cols for step in steps), default=1))
        products = [op for op in self.function.walk() if isinstance(op, fa.MatmulOp)]
        outputs = max((fa.tile(p.result).cols // self.machine.vlen for p in products), default=1)
        packed = max((product.streams or 0 for product in products), default=0)
        packed = min(packed, self._rows())
        sums = {
            family: self.costs.sums(family, panels, outputs, packed)
            for family in ("reduce", "ones")
        }
        return sums["reduce"] <= sums["ones"]

    def _rows(self) -> int:
        """Rows of queries that a tile has, without padding, as far as results tell."""
        stores = [op for op in self.function.walk() if isinstance(op, fa.StoreOp)]
        return min((fa.tensor_dims(store.target)[-2] for store in stores), default=1)

    def _panels(self, keys: int) -> int:
        """Panels of a tile of keys; what masks hide of it is cut off later."""
        seen = keys if self.seen is None else min(keys, self.seen)
        return max(1, -(-seen // self.machine.vlen))

    def _accumulations(self) -> list[tuple[list[fa.MatmulOp], list[End] | None]]:
        """Products that must be of one family, with what they end in (None: in something else).

        They are those that end in one accumulator, and those that read one tile of values.
        """
        groups: list[tuple[list[fa.MatmulOp], list[End] | None]] = []
        for op in self.function.walk():
            if not isinstance(op, fa.MatmulOp) or op.family is not None:
                continue
            products, ends = [op], linear_ends(op.result)
            apart: list[tuple[list[fa.MatmulOp], list[End] | None]] = []
            for others, other_ends in groups:
                meet = bool(set(ends or ()) & set(other_ends or ()))
                if meet or any(other.rhs is op.rhs for other in others):
                    products = others + products
                    both = None if ends is None or other_ends is None else other_ends + ends
                    ends = None if both is None else list(dict.fromkeys(both))
                else:
                    apart.append((others, other_ends))
            groups = [*apart, (products, ends)]
        return groups

    def _products(self, products: list[fa.MatmulOp], ends: list[End] | None) -> None:
        """Map the products of one accumulator, which must be of one family."""
        families: Sequence[str] = (
            [self.pv] if self.pv is not None else self._product_families(products[0])
        )
        if families[0] == "packed" and (why := self._not_packable(products)) is not None:
            if self.pv is not None:
                raise OpError(products[0], f"pv=packed is not possible here: {why}; pv=btmv is")
            families = families[1:]
        if families[0] == "mm":
            self._by_mm(products)
            return
        reasons = [self._not_transposable(op) for op in products]
        reason = next((reason for reason in reasons if reason is not None), None)
        if ends is None:
            reason = "the product goes elsewhere than into an accumulator"
        if ends is None or reason is not None:
            if self.pv is not None:
                raise OpError(products[0], f"pv={self.pv} is not possible here: {reason}; pv=mm is")
            self._by_mm(products)
            return
        columns = self._sum_columns(products, ends)
        for load in dict.fromkeys(producer(op.rhs, fa.LoadOp) for op in products):
            assert load is not None
            for product in self._transpose(load, ones=columns is not None):
                if families[0] == "packed":
                    self._pack(product)
        if columns is not None:
            # The factor is in the sums as well.
            unit = self.unit if families[0] == "packed" else None
            if unit is None or not pack_results(self.costs, ends, columns, unit):
                divide_by_columns(ends, columns)
            return
        for end in ends:
            _multiply(end, 1 / BATCHED_FACTOR)

    def _not_packable(self, products: Sequence[fa.MatmulOp]) -> str | None:
        """Why rows of P cannot share lanes, if they cannot."""
        tiles = tiles_at_once(self.machine, self.function)
        if self.unit is not None:
            tiles -= fa.tile(self.unit).elements // self.machine.mlen**2
        rows = min(fa.tile(product.lhs).rows for product in products)
        return why_not_packed(self.machine, rows, tiles)

    def _pack(self, product: fa.MatmulOp) -> None:
        """Let a product take its rows of P packed."""
        if self.unit is None:
            self.unit = unit_tile(self.machine, self.function)
        found = [use.operation for use in product.lhs.uses]
        packed = next((op for op in found if isinstance(op, fa.RepackOp)), None)
        if packed is None:
            packed = fa.RepackOp(product.lhs, self.unit, self.machine.broadcast)
            packed.location, packed.result.name_hint = product.location, "packed"
            Rewriter.insert_op(packed, InsertPoint.before(product))
        product.operands[0] = packed.result

    def _sum_columns(self, products: Sequence[fa.MatmulOp], ends: Sequence[End]) -> int | None:
        """The columns of ones in front of the values, if sums are taken so."""
        if self.sums not in (None, "columns"):
            return None
        reason = why_no_columns(self.machine, products, ends)
        steps = [producer(op.lhs, fa.OnlineSoftmaxOp) for op in products]
        if reason is None:
            found = [step for step in steps if step is not None]
            if not all(only_divides(step.new_total, ends) for step in found):
                reason = "something else needs the sums"
        if reason is not None:
            if self.sums == "columns":
                raise OpError(
                    products[0], f"sums=columns is not possible here: {reason}; sums=reduce is"
                )
            return None
        for step in steps:
            assert step is not None
            step.properties["unsummed"] = UnitAttr()
        load = producer(products[0].rhs, fa.LoadOp)
        assert load is not None
        return fa.tensor_dims(load.source)[-1]

    def _by_mm(self, products: Sequence[fa.MatmulOp]) -> None:
        """Let M_MM do products."""
        if self.sums == "columns":
            raise OpError(
                products[0],
                f"sums=columns is not possible here: {COLUMNS_BY_MM}; sums=reduce is",
            )
        for op in products:
            op.properties["family"] = fa.FamilyAttr(fa.Family.MM)
            self._narrow(op)

    def _narrow(self, op: fa.MatmulOp) -> None:
        """Let M_MM compute the columns that values have, in whole blocks of storage."""
        load, cols = producer(op.rhs, fa.LoadOp), fa.tile(op.result).cols
        if load is None or cols > self.machine.mlen:
            return
        block = max(
            self.machine.blen, *(_block(form) for form in self.machine.hbm_formats.values())
        )
        used = round_up(fa.tensor_dims(load.source)[-1], block)
        if used < cols:
            op.properties["columns"] = IntegerAttr(used, i64)

    def _not_transposable(self, op: fa.MatmulOp) -> str | None:
        """Why M_BTMV cannot do a product, if it cannot."""
        load = producer(op.rhs, fa.LoadOp)
        if load is None or not is_arrangeable(load.source, self._given("v")):
            return "the values are no tensor that the host could transpose"
        if any(not isinstance(use.operation, fa.MatmulOp) for use in load.tile.uses):
            return "the values are used for something else too"
        return why_not_transposed(self.machine, fa.tile(load.tile).cols)

    def _transpose(self, load: fa.LoadOp, ones: bool) -> list[fa.MatmulOp]:
        """Load values transposed, with ones or without, and multiply with them by M_BTMV.

        Returns the products.
        """
        new = load_transposed(self.function, load, ones)
        products: list[fa.MatmulOp] = []
        for product in [use.operation for use in list(load.tile.uses)]:
            assert isinstance(product, fa.MatmulOp)
            element = fa.tile(product.result).element_type
            mapped = fa.MatmulOp(product.lhs, new.tile, element, "btmv")
            mapped.location, mapped.result.name_hint = product.location, product.result.name_hint
            Rewriter.replace_op(product, mapped)
            products.append(mapped)
        Rewriter.erase_op(load)
        return products

    def _hoist(self) -> None:
        """Move loads into matrix memory in front of loops that they do not depend on, if all fit.

        All or none: what stays in a loop needs its place while the loop runs, too.
        """
        loads = [
            op
            for op in self.function.walk()
            if isinstance(op, fa.LoadOp)
            and isinstance(op.source.type, TensorType)
            and fa.tile(op.tile).space.data == "matrix"
        ]
        needed = sum(fa.tile(op.tile).elements for op in loads)
        if needed > self.machine.matrix_tiles * self.machine.mlen**2:
            return
        for load in loads:
            while isinstance(loop := load.parent_op(), scf.ForOp):
                block = loop.body.block
                terms = {term for index in load.indices for term in affine(index).terms}
                inside = any(
                    isinstance(owner := index.owner, Operation) and owner.parent is block
                    for index in load.indices
                )
                if terms & set(block.args) or inside:
                    break
                load.detach()
                Rewriter.insert_op(load, InsertPoint.before(loop))


def _block(form: HbmFormat) -> int:
    """Elements that share a scale."""
    return form.block if isinstance(form, MxFormat) else 1


def linear_ends(product: SSAValue) -> list[End] | None:
    """Where an accumulated product is normalised, or stored as a result; None where it is neither.

    Everything on the way is linear in the product, so that a factor can wait until the end. State
    that goes through a buffer in HBM is followed to where it is loaded again.
    """
    ends: list[End] = []
    pending, seen = [product], {product}

    def follow(*values: SSAValue) -> None:
        for value in values:
            if value not in seen:
                seen.add(value)
                pending.append(value)

    while pending:
        value = pending.pop(0)
        for use in list(value.uses):
            user = use.operation
            match user:
                case fa.NormalizeOp() if use.index == 0:
                    ends.append(user)
                case fa.TileOp() if use.index in user.LINEAR:
                    follow(user.results[user.LINEAR[use.index]])
                case fa.StoreOp():
                    readers = [other.operation for other in user.target.uses]
                    if any(isinstance(reader, fa.ResultOp) for reader in readers):
                        ends.append(user)
                    follow(*(r.tile for r in readers if isinstance(r, fa.LoadOp)))
                case _:
                    carried = Carried.by(use)
                    if carried is None:
                        return None
                    follow(carried.argument, carried.result)
    return ends


def _multiply(end: End, factor: float) -> None:
    """Multiply what an accumulator ends in."""
    if isinstance(end, fa.StoreOp):
        scale = fa.ScaleOp(end.tile, factor)
        scale.location = end.location
        Rewriter.insert_op(scale, InsertPoint.before(end))
        end.operands[0] = scale.result
    elif end.factor is None:
        new = fa.NormalizeOp(
            end.acc, end.total, end.empty_rows is not None, factor, least=end.least_sum
        )
        new.location, new.result.name_hint = end.location, end.result.name_hint
        Rewriter.replace_op(end, new)
