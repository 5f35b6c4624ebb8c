"""The cost tables: what each instruction takes, and whether transfers run beside other work.

A table is data. `emulator` and `analytic` are columns of the instruction table; each TOML file in
`cycles/` is one more, written as what differs from another one. `table_named` also takes the path
of such a file, which is then a table of this process. The simulator, the cost model, the bounds
and the search ask a table, never its name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, cast, get_args

from .cycle_expression import CycleExpression, constant, parsed
from .isa import BY_MNEMONIC, INSTRUCTIONS
from .known_settings import LATENCIES
from .params import HbmDevice, Machine

FOLDER = Path(__file__).resolve().parent / "cycles"

Transfers: TypeAlias = Literal["timed", "charged", "beside"]
"""How HBM transfers are counted: by the memory model, in order with all else ("timed"); by the
table alone ("charged"); or by the memory model, prefetches beside other work ("beside")."""

Memory: TypeAlias = Literal["published", "settings"]
"""Which memory is modelled: the published emulator's, HBM2 with 8 channels, or the settings'."""


class TableError(ValueError):
    """A file that is no cost table, or a name that there is not; the text says why."""


@dataclass(frozen=True)
class CostTable:
    """One cost table.

    `cycles` holds an expression over `Machine.cycle_parameters` by mnemonic, HBM time aside.
    `about` says in a few words whose times they are. With `free_without_destination` instructions
    that the instruction table marks so take nothing where register 0 is their destination. Of the
    machine that was timed, `lacks` are the mnemonics that it does not know; with `column_offsets`
    its M_MM takes the first column of a tile, below MLEN, beside row-granular offsets from MLEN
    on; with `break_ends` a C_BREAK outside loops ends the program.
    """

    name: str
    about: str
    cycles: Mapping[str, CycleExpression]
    transfers: Transfers = "timed"
    memory: Memory = "published"
    free_without_destination: bool = True
    lacks: frozenset[str] = frozenset()
    column_offsets: bool = False
    break_ends: bool = False

    def __hash__(self) -> int:
        """By content of the texts: equal tables are equal keys of caches."""
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CostTable) and self.digest == other.digest

    @cached_property
    def digest(self) -> tuple[object, ...]:
        """All that the table says, as a key."""
        texts = tuple(sorted((name, str(each)) for name, each in self.cycles.items()))
        rest = self.transfers, self.memory, self.free_without_destination, self.lacks
        return self.name, self.about, texts, *rest, self.column_offsets, self.break_ends

    @property
    def overlaps(self) -> bool:
        """Whether prefetches run beside other work."""
        return self.transfers == "beside"

    @property
    def is_timed(self) -> bool:
        """Whether transfers take the time of a memory model."""
        return self.transfers != "charged"

    def blocking(self) -> CostTable:
        """The table where each prefetch is waited for, and takes its transfer's time alone."""
        if not self.overlaps:
            return self
        none = {"H_PREFETCH_M": constant(0), "H_PREFETCH_V": constant(0)}
        cycles = MappingProxyType({**self.cycles, **none})
        return replace(self, cycles=cycles, transfers="timed")

    def evaluate(self, mnemonic: str, parameters: Mapping[str, int]) -> int:
        """Cycles of one execution with a destination."""
        return self.cycles[mnemonic].evaluate(parameters)


def device_of(table: CostTable, machine: Machine) -> HbmDevice:
    """The memory that a table's times are of."""
    return machine.hbm if table.memory == "settings" else HbmDevice()


EMULATOR = CostTable(
    "emulator",
    "the published emulator's, one instruction at a time",
    MappingProxyType({row.mnemonic: row.transactional for row in INSTRUCTIONS}),
)
ANALYTIC = CostTable(
    "analytic",
    "of a pipelined machine, a cycle for each transfer",
    MappingProxyType({row.mnemonic: row.analytic for row in INSTRUCTIONS}),
    transfers="charged",
    free_without_destination=False,
)

_COLUMNS = {table.name: table for table in (EMULATOR, ANALYTIC)}
_ADDED: dict[str, CostTable] = {}


@cache
def _files() -> Mapping[str, Path]:
    """The tables that are files of the package, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def table_names() -> tuple[str, ...]:
    """The names of all tables, in the order in which they are printed."""
    return (*_COLUMNS, *_files(), *_ADDED)


def packaged_tables() -> tuple[CostTable, ...]:
    """The tables that the package brings along."""
    return tuple(map(table_named, (*_COLUMNS, *_files())))


def tables() -> tuple[CostTable, ...]:
    """All tables, in that order."""
    return tuple(map(table_named, table_names()))


def table_named(name: str) -> CostTable:
    """The table of that name, or of the file at that path, which is then added.

    Raises TableError.
    """
    found = _COLUMNS.get(name) or _ADDED.get(name)
    if found is not None:
        return found
    if name in _files():
        return _packaged(name)
    if name.endswith(".toml"):
        return add_table(read_table(Path(name)))
    raise TableError(f"there is no cost table '{name}'; there are {', '.join(table_names())}")


def add_table(table: CostTable) -> CostTable:
    """Let there be another table in this process. Raises TableError where its name is taken."""
    if table.name == "bytes":
        raise TableError("a cost table cannot be called 'bytes', which is a target of its own")
    if table.name in (*_COLUMNS, *_files()) and table != table_named(table.name):
        raise TableError(f"there is a cost table '{table.name}' already; call this one otherwise")
    if table.name not in (*_COLUMNS, *_files()):
        _ADDED[table.name] = table
    return table


def remove_table(name: str) -> None:
    """Forget a table that was added."""
    _ADDED.pop(name, None)


@cache
def _packaged(name: str) -> CostTable:
    return read_table(_files()[name])


def read_table(path: Path) -> CostTable:
    """The table that a TOML file describes, named after the file unless it says otherwise.

    `base` names the table that it differs from (emulator), `[cycles]` what it differs in; the other
    keys are the fields of `CostTable`. Raises TableError.
    """
    try:
        text = path.read_text("utf-8")
        given: dict[str, Any] = tomllib.loads(text)
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise TableError(f"{path}: not valid TOML: {error}") from None
    try:
        return _table(given, path.stem)
    except ValueError as error:
        raise TableError(f"{path}: error: {error}") from None


def _table(given: Mapping[str, Any], stem: str) -> CostTable:
    fields: dict[str, Any] = {"name": stem, "base": "emulator"}
    kinds = {
        **dict.fromkeys(("name", "base", "about", "transfers", "memory"), str),
        **dict.fromkeys(("free_without_destination", "column_offsets", "break_ends"), bool),
        "lacks": list,
        "cycles": dict,
    }
    for key, value in given.items():
        if key not in kinds:
            raise ValueError(f"there is no key '{key}'; there are {', '.join(kinds)}")
        if not isinstance(value, kinds[key]):
            raise ValueError(f"{key} is {value!r}, must be a {kinds[key].__name__}")
        fields[key] = value
    for key, choices in (("transfers", get_args(Transfers)), ("memory", get_args(Memory))):
        if fields.get(key, choices[0]) not in choices:
            raise ValueError(f"{key} is '{fields[key]}', must be one of {', '.join(choices)}")
    if not fields["name"].replace("-", "_").isidentifier():
        raise ValueError(f"name is '{fields['name']}', must be letters, digits, - and _")
    base = table_named(fields.pop("base"))
    cycles = dict(base.cycles)
    for mnemonic, text in fields.get("cycles", {}).items():
        _known(mnemonic)
        cycles[mnemonic] = expression = parsed(str(text))
        _evaluates(mnemonic, expression)
    fields["cycles"] = MappingProxyType(cycles)
    lacks = cast("list[object]", fields.get("lacks", []))
    for mnemonic in lacks:
        _known(mnemonic)
    if "lacks" in fields:
        fields["lacks"] = frozenset(cast("list[str]", lacks))
    fields.setdefault("about", f"{base.about}, changed")
    return replace(base, **fields)


def _evaluates(mnemonic: str, expression: CycleExpression) -> None:
    """Raise ValueError where an expression uses a name that there is not, or divides by 0."""
    names = {"MLEN": 64, "VLEN": 64, "BLEN": 4}
    names |= dict.fromkeys((*LATENCIES, "VECTOR_BASIC_CYCLES"), 1)
    if mnemonic == "V_TOPK":
        names["TOPK_ELEMENTS"] = 32
    try:
        expression.evaluate(names)
    except KeyError as error:
        raise ValueError(
            f"{mnemonic}: there is no {error.args[0]}; there are {', '.join(names)}"
        ) from None
    except ZeroDivisionError:
        raise ValueError(f"{mnemonic}: {expression} divides by 0") from None


def _known(mnemonic: object) -> None:
    if mnemonic not in BY_MNEMONIC:
        raise ValueError(f"there is no instruction {mnemonic!r}")
