"""The machine's parameters: `Machine`, read from a preset or from a settings TOML.

Sizes are in elements or rows where the name says so, HBM in bytes, times in cycles.
Section numbers are those of the instruction set reference.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import cast

from .formats import BF16, FloatType, HbmFormat, PlainFormat
from .known_settings import CONFIG_MOST, LATENCIES, LATENCY_MOST, check_keys, check_values
from .settings_reader import MachineError, Settings, Table

FP_MEM_ENTRIES = 1024
"""Entries of FP_MEM, fixed in the machine (section 2)."""

INT_MEM_ENTRIES = 1024
"""Entries of INT_MEM, fixed in the machine (section 2)."""

HBM_LINE = 64
"""Bytes of one HBM access (section 6.2)."""

MOST_ACCUMULATORS = 1 << 28
"""Elements of the accumulators of M_BMM, a tile for each head of a row."""

MOST_MATRIX_ELEMENTS = 1 << 30
MOST_VECTOR_ELEMENTS = 1 << 32
"""Elements of the memories on chip; addresses have 32 bits."""

PRESETS = Path(__file__).parent / "presets"


@dataclass(frozen=True)
class HbmDevice:
    """A memory device: 16 bytes a channel and cycle at best (HBM2), or half of that (HBM3)."""

    generation: str = "HBM2"
    channels: int = 8

    @property
    def column_gap(self) -> int:
        """Cycles between two reads, or writes, of a pseudo-channel."""
        return 4 if self.generation == "HBM3" else 2


@dataclass(frozen=True)
class Machine:
    """One configuration of the machine.

    `mlen` x `mlen` elements make a matrix tile, `vlen` a vector row, `blen` x `blen` one systolic
    result, `hlen` one head slice; `broadcast` heads share a row. `matrix_sram_rows` counts rows of
    `mlen`, `vector_sram_rows` rows of `vlen`. `fp_sram_depth` and `int_sram_depth` are what a
    compiler may use of FP_MEM and INT_MEM; the simulated memories always have 1024 entries.
    `prefetch_m` is a multiple of `mlen` (rounded up as the machine does). `latency` holds the
    cycles selected by `dc_en`. `settings` is the nested dictionary the machine was read from. `hbm`
    is the memory of the settings, which only some cost tables go by (`CostTable.memory`).
    """

    name: str
    mlen: int
    vlen: int
    blen: int
    hlen: int
    broadcast: int
    hbm_size: int
    matrix_sram_rows: int
    vector_sram_rows: int
    prefetch_m: int
    prefetch_v: int
    writeback_v: int
    fp_sram_depth: int
    int_sram_depth: int
    max_loop_instructions: int
    dc_en: bool
    matrix_weight: HbmFormat
    matrix_kv: HbmFormat
    vector_act: HbmFormat
    vector_kv: HbmFormat
    latency: Mapping[str, int] = field(hash=False)
    settings: Table = field(hash=False, repr=False, compare=False)
    hbm: HbmDevice = HbmDevice()

    @staticmethod
    def presets() -> tuple[str, ...]:
        """Names of the machines that ship with the package."""
        return _presets()

    @staticmethod
    def load(name_or_path: str | Path) -> Machine:
        """The preset of that name, or the machine of a settings TOML.

        Raises MachineError if there is neither, or if the file is unreadable, incomplete or wrong.
        """
        text = str(name_or_path)
        if text in Machine.presets():
            return _preset(text)
        path = Path(name_or_path)
        if "\0" in text:
            raise MachineError(f"no machine called {text!r}: no path has a null character")
        if path.suffix != ".toml" and not path.exists():
            known = ", ".join(Machine.presets())
            raise MachineError(
                f"no machine called {text!r}: write one of {known}, or a settings .toml file",
                path=text,
            )
        return Machine.from_settings(_tables(path, text), text)

    @staticmethod
    def from_settings(settings: Table, name: str = "settings") -> Machine:
        """The machine that the nested dictionary `settings` describes.

        Accepts what the machine's emulator runs with, but for keys that there are not and sizes
        that no host simulates; `require_consistent` is stricter. Raises MachineError, whose text
        names `name` and the key.
        """
        read = Settings(settings, name)
        check_values(read)
        check_keys(read)

        def config(key: str, least: int = 1, default: int | None = None) -> int:
            return read.config(key, least, default, CONFIG_MOST[key])

        dc_en = config("DC_EN", least=0) != 0
        design = "dc_lib_en" if dc_en else "dc_lib_dis"
        latency = {key: read.latency(key, design, most=LATENCY_MOST) for key in LATENCIES}
        latency["VECTOR_BASIC_CYCLES"] = read.latency(
            "VECTOR_BASIC_CYCLES", design, latency["VECTOR_ADD_CYCLES"], LATENCY_MOST
        )
        mlen = config("MLEN")
        machine = Machine(
            name=name,
            mlen=mlen,
            vlen=config("VLEN"),
            blen=config("BLEN"),
            hlen=config("HLEN"),
            broadcast=config("BROADCAST_AMOUNT"),
            hbm_size=config("HBM_SIZE", least=HBM_LINE),
            matrix_sram_rows=config("MATRIX_SRAM_SIZE"),
            vector_sram_rows=config("VECTOR_SRAM_SIZE"),
            prefetch_m=-(-config("HBM_M_Prefetch_Amount") // mlen) * mlen,
            prefetch_v=config("HBM_V_Prefetch_Amount"),
            writeback_v=config("HBM_V_Writeback_Amount"),
            fp_sram_depth=config("FP_SRAM_DEPTH", default=FP_MEM_ENTRIES),
            int_sram_depth=config("INT_SRAM_DEPTH", default=INT_MEM_ENTRIES),
            max_loop_instructions=config("MAX_LOOP_INSTRUCTIONS"),
            dc_en=dc_en,
            matrix_weight=read.format("HBM_M_WEIGHT_TYPE"),
            matrix_kv=read.format("HBM_M_KV_TYPE"),
            vector_act=read.format("HBM_V_ACT_TYPE"),
            vector_kv=read.format("HBM_V_KV_TYPE"),
            latency=MappingProxyType(latency),
            settings=settings,
            hbm=_hbm_device(settings),
        )
        _check(machine, read)
        return machine

    def require_consistent(self) -> None:
        """Raise MachineError unless every instruction works on this machine (section 1.2).

        The emulator also runs with such values, and traps when an instruction meets the
        contradiction; a compiler wants to know beforehand.
        """
        read = Settings(self.settings, self.name)
        if self.vlen != self.mlen:
            raise read.error(
                "TRANSACTIONAL.CONFIG.VLEN",
                f"is {self.vlen} but MLEN is {self.mlen}; matrix instructions need them equal",
            )
        if self.broadcast * self.hlen != self.mlen:
            raise read.error(
                "TRANSACTIONAL.CONFIG.BROADCAST_AMOUNT",
                f"is {self.broadcast} and HLEN is {self.hlen}, but their product must be MLEN = "
                f"{self.mlen}; {self.mlen // self.hlen} would do",
            )
        for key, hbm_format in self.hbm_formats.items():
            width = hbm_format.element.bits
            if width < 8:
                raise read.error(
                    f"TRANSACTIONAL.PRECISION.{key}",
                    f"has elements of {width} bits, which prefetches cannot read; use 8 or 16",
                )
            if hbm_format.scale_bytes(self.vlen) > HBM_LINE:
                raise read.error(
                    f"TRANSACTIONAL.PRECISION.{key}",
                    f"a row of VLEN = {self.vlen} has {hbm_format.scale_bytes(self.vlen)} bytes "
                    f"of scales, but a prefetch reads at most {HBM_LINE}; use larger blocks",
                )

    @property
    def hbm_formats(self) -> dict[str, HbmFormat]:
        """The formats of HBM tensors by their settings key."""
        return {
            "HBM_M_WEIGHT_TYPE": self.matrix_weight,
            "HBM_M_KV_TYPE": self.matrix_kv,
            "HBM_V_ACT_TYPE": self.vector_act,
            "HBM_V_KV_TYPE": self.vector_kv,
        }

    @property
    def matrix_tiles(self) -> int:
        """Tiles of matrix SRAM."""
        return self.matrix_sram_rows // self.mlen

    @cached_property
    def cycle_parameters(self) -> Mapping[str, int]:
        """Names and values that the cycle expressions of the instruction table use."""
        return MappingProxyType(
            {"MLEN": self.mlen, "VLEN": self.vlen, "BLEN": self.blen, **self.latency}
        )


def _hbm_device(settings: Table) -> HbmDevice:
    """The memory of checked settings."""
    config = cast("dict[str, Table]", cast("Table", settings["TRANSACTIONAL"])["CONFIG"])
    generation = config.get("HBM_GEN", {}).get("value", "HBM2")
    channels = config.get("HBM_CHANNELS", {}).get("value", 8)
    return HbmDevice(str(generation).upper(), cast("int", channels))


@cache
def _presets() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in PRESETS.glob("*.toml")))


@cache
def _preset(name: str) -> Machine:
    """A preset, which every pass asks for, read once."""
    return Machine.from_settings(_tables(PRESETS / f"{name}.toml", name), name)


def _tables(path: Path, name: str) -> Table:
    """The tables of a settings file; raises MachineError where it cannot be read."""
    try:
        return cast("Table", tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise MachineError(f"{name}: {error.strerror}", path=name) from error
    except UnicodeDecodeError as error:
        raise MachineError(f"{name}: not a text file in UTF-8", path=name) from error
    except tomllib.TOMLDecodeError as error:
        raise _located(name, error) from error
    except (ValueError, RecursionError, OverflowError) as error:
        # A number of thousands of digits, a date that there is not, arrays hundreds deep.
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise MachineError(f"{name}: not valid TOML: {reason}", path=name) from error


def _located(name: str, error: tomllib.TOMLDecodeError) -> MachineError:
    """A TOML syntax error with the position that tomllib puts into its text."""
    text, _, position = str(error).partition(" (at ")
    line = column = 0
    if position.startswith("line "):
        words = position.rstrip(")").replace(",", "").split()
        line, column = int(words[1]), int(words[3])
        position = f":{line}:{column}"
    else:
        position = ""
    return MachineError(f"{name}{position}: not valid TOML: {text}", name, line, column)


def _check(machine: Machine, read: Settings) -> None:
    """Reject values with which nothing runs, or with which the simulator would not be exact."""
    config = "TRANSACTIONAL.CONFIG."
    if machine.mlen % machine.blen:
        raise read.error(f"{config}BLEN", f"is {machine.blen}, must divide MLEN = {machine.mlen}")
    if machine.vlen % machine.hlen:
        raise read.error(f"{config}HLEN", f"is {machine.hlen}, must divide VLEN = {machine.vlen}")
    if machine.hbm_size % HBM_LINE:
        raise read.error(
            f"{config}HBM_SIZE", f"is {machine.hbm_size}, must be a multiple of {HBM_LINE}"
        )
    if machine.matrix_sram_rows < machine.mlen:
        raise read.error(
            f"{config}MATRIX_SRAM_SIZE",
            f"is {machine.matrix_sram_rows} rows, which holds no tile; at least MLEN = "
            f"{machine.mlen} are needed",
        )
    accumulators = machine.broadcast * machine.mlen**2
    for key, count, most in (
        ("BROADCAST_AMOUNT", accumulators, MOST_ACCUMULATORS),
        ("MATRIX_SRAM_SIZE", machine.matrix_sram_rows * machine.mlen, MOST_MATRIX_ELEMENTS),
        ("VECTOR_SRAM_SIZE", machine.vector_sram_rows * machine.vlen, MOST_VECTOR_ELEMENTS),
    ):
        if count > most:
            raise read.error(
                f"{config}{key}",
                f"makes {count} elements with MLEN = {machine.mlen}; at most {most} are simulated",
            )
    for key, most in (("FP_SRAM_DEPTH", FP_MEM_ENTRIES), ("INT_SRAM_DEPTH", INT_MEM_ENTRIES)):
        depth = machine.fp_sram_depth if key == "FP_SRAM_DEPTH" else machine.int_sram_depth
        if depth > most:
            raise read.error(f"{config}{key}", f"is {depth}, but the machine has {most} entries")
    for key in ("VECTOR_SRAM_TYPE", "MATRIX_SRAM_TYPE"):
        if read.format(key) != PlainFormat(BF16):
            raise read.error(
                f"TRANSACTIONAL.PRECISION.{key}",
                f"is {read.format(key)}; only Plain Fp with sign, exponent 8, mantissa 7 (bf16) "
                "is supported on chip",
            )
    for key, hbm_format in machine.hbm_formats.items():
        _check_format(machine, read, f"TRANSACTIONAL.PRECISION.{key}", hbm_format)


def _check_format(machine: Machine, read: Settings, key: str, hbm_format: HbmFormat) -> None:
    """The machine asserts widths that are powers of two and rows that are whole bytes."""
    width, element = hbm_format.element.bits, hbm_format.element
    if isinstance(element, FloatType) and element.exponent > BF16.exponent:
        raise read.error(key, f"has exponents of {element.exponent} bits; 8 are the most")
    if width & (width - 1) or width > 16:
        raise read.error(key, f"has elements of {width} bits; 1, 2, 4, 8 or 16 are possible")
    if machine.vlen * width % 8:
        raise read.error(key, f"a row of VLEN = {machine.vlen} elements is not whole bytes")
    if isinstance(hbm_format, PlainFormat):
        return
    if hbm_format.scale.bits != 8 or hbm_format.scale.mantissa:
        raise read.error(
            f"{key}.SCALE",
            f"is {hbm_format.scale}; scales must be powers of two of 8 bits: sign = false, "
            "exponent = 8, mantissa = 0",
        )
    for name, length in (("VLEN", machine.vlen), ("MLEN", machine.mlen)):
        if length % hbm_format.block or (length // hbm_format.block * hbm_format.scale.bits) % 8:
            raise read.error(
                f"{key}.block",
                f"is {hbm_format.block}; a row of {name} = {length} must be whole blocks, and "
                "their scales whole bytes",
            )
