"""Reading values out of a settings file, with messages that name the file, the key and the cure.

Only the `[TRANSACTIONAL.*]` tables are read, as by the machine's own emulator (section 1.1).
"""

from __future__ import annotations

from typing import TypeAlias, cast

from .formats import FloatType, HbmFormat, IntType, MxFormat, NumberType, PlainFormat

Table: TypeAlias = dict[str, object]


class MachineError(ValueError):
    """A settings file or its values are unusable.

    The text names the file and the key. `path`, `line` and `column` (from 1) are set where the file
    does not parse as TOML.
    """

    def __init__(self, message: str, path: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.column = column


def _as_table(value: object) -> Table | None:
    """`value` if it is a table, else None."""
    return cast("Table", value) if isinstance(value, dict) else None


class Settings:
    """Typed access to one nested settings dictionary."""

    def __init__(self, tables: Table, name: str) -> None:
        self.tables = tables
        self.name = name

    def error(self, key: str, problem: str) -> MachineError:
        """An error about `key`, to be raised."""
        return MachineError(f"{self.name}: {key:.120}: {problem:.400}", path=self.name)

    def table(self, *path: str) -> Table:
        """The table at `path`; MachineError if it is missing or no table."""
        here = self.tables
        for depth, key in enumerate(path):
            name = ".".join(path[: depth + 1])
            if key not in here:
                raise self.error(name, f"missing; write a table [{name}]")
            inner = _as_table(here[key])
            if inner is None:
                raise self.error(name, f"must be a table, not {here[key]!r}")
            here = inner
        return here

    def has(self, *path: str) -> bool:
        """Whether there is anything at `path`."""
        here: Table | None = self.tables
        for key in path:
            if here is None or key not in here:
                return False
            here = _as_table(here[key])
        return True

    def integer(
        self,
        path: tuple[str, ...],
        key: str,
        least: int,
        default: int | None = None,
        most: int | None = None,
    ) -> int:
        """The integer `key` of the table at `path`, from `least` to `most`."""
        if default is not None and not self.has(*path):
            return default
        full = ".".join((*path, key))
        table = self.table(*path)
        if key not in table:
            raise self.error(full, "missing; an integer is needed")
        value = table[key]
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(full, f"must be an integer, not {value!r:.60}")
        if value < least:
            raise self.error(full, f"is {value}, must be at least {least}")
        if most is not None and value > most:
            raise self.error(full, f"is {value}, must be at most {most}")
        return value

    def config(
        self, key: str, least: int = 1, default: int | None = None, most: int | None = None
    ) -> int:
        """The value of `[TRANSACTIONAL.CONFIG.<key>]`."""
        return self.integer(("TRANSACTIONAL", "CONFIG", key), "value", least, default, most)

    def latency(
        self, key: str, design: str, default: int | None = None, most: int | None = None
    ) -> int:
        """Cycles of `[TRANSACTIONAL.LATENCY.<key>]` for `dc_lib_en` or `dc_lib_dis`."""
        return self.integer(("TRANSACTIONAL", "LATENCY", key), design, 0, default, most)

    def number_type(self, path: tuple[str, ...]) -> NumberType:
        """The number type described by the table at `path`."""
        table = self.table(*path)
        full = ".".join(path)
        kind = table.get("type")
        if kind == "Int":
            return IntType(self.integer(path, "width", 1))
        if kind != "Fp":
            raise self.error(f"{full}.type", f'is {kind!r}, must be "Fp" or "Int"')
        sign = table.get("sign")
        if not isinstance(sign, bool):
            raise self.error(f"{full}.sign", f"is {sign!r}, must be true or false")
        return FloatType(self.integer(path, "exponent", 1), self.integer(path, "mantissa", 0), sign)

    def format(self, key: str) -> HbmFormat:
        """The format of `[TRANSACTIONAL.PRECISION.<key>]`."""
        path = ("TRANSACTIONAL", "PRECISION", key)
        full = ".".join(path)
        kind = self.table(*path).get("format")
        if kind == "Plain":
            return PlainFormat(self.number_type((*path, "DATA_TYPE")))
        if kind != "Mx":
            raise self.error(f"{full}.format", f'is {kind!r}, must be "Plain" or "Mx"')
        scale = self.number_type((*path, "SCALE"))
        if not isinstance(scale, FloatType):
            raise self.error(f"{full}.SCALE.type", 'must be "Fp"')
        return MxFormat(self.integer(path, "block", 1), self.number_type((*path, "ELEM")), scale)
