"""Attributes that passes leave on modules, functions and attentions of the `fa` dialect."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, StringAttr
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from ...machine.cost.figures import targets
from ..discardable_attrs import DiscardableAttr, Table, integer, text, unit
from ..machine_attr import KEY as MACHINE
from ..machine_attr import machine_from
from ..target_attr import KEY as OPTIMIZE_FOR
from .attention import AttentionOp
from .launch import KERNEL, check_kernel
from .mapping_attrs import SCORE_FAMILIES, SUM_FAMILIES, VALUE_MAPPINGS
from .problem_attr import GROUPED, check_problems
from .problem_attr import KEY as PROBLEM
from .promise_attr import KEY as PROMISES
from .promise_attr import promises_from

MAPPING = "fa.mapping"
"""The attribute of a function with the options of `map` that were set by hand."""

MAPPED = "fa.mapped"
"""The attribute of a function whose products are mapped."""

UNROLL_ROWS = "fa.unroll_rows"
"""The attribute of a function with the rows that the user of `map` wants in one iteration."""

UNFUSED = "fa.unfused"
"""The attribute of a function, later of its kernel, that says why it was not fused."""

UNGROUPED = "fa.ungrouped"
"""The attribute of a function, later of its kernel, that says why `group-heads` left query heads of
a group apart."""

MASK_TILES = "fa.mask_tiles"
"""The attribute of a function, later of its kernel, with the tiles of scores of each attention:
`where` it is, `rows` and `cols` of a tile, and how many tiles are `empty`, `full` and `partial`,
`distinct` among the partial ones and `stored` among those."""

COUNTS = ("rows", "cols", "empty", "full", "partial", "distinct", "stored")
"""The numbers of an entry of `fa.mask_tiles`."""

CHOICES: Mapping[str, tuple[str, ...]] = {
    "qk": SCORE_FAMILIES,
    "pv": VALUE_MAPPINGS,
    "sums": SUM_FAMILIES,
}
"""The options of `fa.mapping` that are names, and those names. Beside them is `unroll_rows`."""

_MODULE = ("builtin.module",)
_FUNCTION = ("func.func",)
_FUNCTION_OR_KERNEL = ("func.func", "plena.kernel")


@lru_cache(maxsize=16)
def _machine_is_there(attribute: Attribute) -> None:
    """Every pass leaves the machine as it is, so it is checked once."""
    machine_from(attribute)


def _check_machine(name: str, attribute: Attribute, op: Operation) -> None:
    _machine_is_there(attribute)


def _check_target(name: str, attribute: Attribute, op: Operation) -> None:
    if not isinstance(attribute, StringAttr) or attribute.data not in targets():
        raise VerifyException(f"{name} must be one of {_quoted(targets())}, got {attribute}")


def _check_problems(name: str, attribute: Attribute, op: Operation) -> None:
    check_problems(attribute)


def _check_promises(name: str, attribute: Attribute, op: Operation) -> None:
    promises_from(attribute)


def _check_mapping(name: str, attribute: Attribute, op: Operation) -> None:
    if not isinstance(attribute, DictionaryAttr):
        raise VerifyException(f"{name} must be a dictionary of options of map, got {attribute}")
    for option, value in attribute.data.items():
        if option == "unroll_rows":
            integer(1)(f"{name}: unroll_rows", value, op)
        elif option not in CHOICES:
            raise VerifyException(
                f"{name}: there is no option {option}; there are {', '.join(CHOICES)}, unroll_rows"
            )
        elif not isinstance(value, StringAttr) or value.data not in CHOICES[option]:
            raise VerifyException(
                f"{name}: {option} must be one of {_quoted(CHOICES[option])}, got {value}"
            )


def _check_mask_tiles(name: str, attribute: Attribute, op: Operation) -> None:
    if not isa(attribute, ArrayAttr[Attribute]):
        raise VerifyException(f"{name} must be a list of counts of tiles, got {attribute}")
    for entry in attribute:
        if not isinstance(entry, DictionaryAttr) or set(entry.data) != {"where", *COUNTS}:
            raise VerifyException(
                f"an entry of {name} has where, {', '.join(COUNTS)} and no others, got {entry}"
            )
        text(f"{name}: where", entry.data["where"], op)
        for count in COUNTS:
            integer(0)(f"{name}: {count}", entry.data[count], op)


def _check_kernel(name: str, attribute: Attribute, op: Operation) -> None:
    unit(name, attribute, op)
    if isinstance(op, FuncOp):
        check_kernel(op)


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


ATTRIBUTES: Table = {
    MACHINE: DiscardableAttr(_MODULE, _check_machine),
    OPTIMIZE_FOR: DiscardableAttr(_MODULE, _check_target),
    PROBLEM: DiscardableAttr((*_MODULE, *_FUNCTION_OR_KERNEL), _check_problems),
    KERNEL: DiscardableAttr(_FUNCTION_OR_KERNEL, _check_kernel),
    PROMISES: DiscardableAttr(_FUNCTION, _check_promises),
    GROUPED: DiscardableAttr((AttentionOp.name,), integer(1)),
    MAPPING: DiscardableAttr(_FUNCTION, _check_mapping),
    MAPPED: DiscardableAttr(_FUNCTION, unit),
    UNROLL_ROWS: DiscardableAttr(_FUNCTION, integer(1)),
    UNGROUPED: DiscardableAttr(_FUNCTION_OR_KERNEL, text),
    UNFUSED: DiscardableAttr(_FUNCTION_OR_KERNEL, text),
    MASK_TILES: DiscardableAttr(_FUNCTION_OR_KERNEL, _check_mask_tiles),
}
"""Attribute name -> who may bear it, and what it must be."""
