"""Which number format each tensor of an attention is stored in, and which of them a machine loads.

A policy names a format for each role; `plena` stands for whatever the machine's settings file says.
The machine reads block-scaled formats with its own meaning of codes (ISA section 5.1), so here a
format is element, scale and block size, and the variant follows from who reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType

from ..spec.formats import BF16, E8M0, FloatType, HbmFormat, IntType, MxFormat, PlainFormat
from ..spec.params import Machine

ROLES = ("weights", "k", "v", "q", "o", "p", "statistics")
"""What a policy decides about: operands from and results to HBM, P, and the running statistics."""

ON_CHIP = ("p", "statistics")
"""Roles that never leave the chip, which computes in bf16."""

MATRIX = ("weights", "k", "v")
"""Roles that matrix SRAM is loaded with."""

MACHINE = "plena"
"""The format name that stands for the machine's own."""


class PolicyError(ValueError):
    """A policy that does not exist, or that a machine cannot follow."""


@dataclass(frozen=True)
class StorageFormat:
    """A number format in HBM: a plain element (`block` 0), or blocks with a scale each."""

    element: str
    scale: str = "none"
    block: int = 0

    @property
    def bits(self) -> int:
        """Bits of an element."""
        return _BITS[self.element]

    @property
    def bits_per_value(self) -> float:
        """Bits of an element and its share of the scale."""
        return self.bits + (8 / self.block if self.block else 0)

    @property
    def name(self) -> str:
        """The format as policies write it."""
        if not self.block:
            return self.element
        for family, form in FAMILIES.items():
            if (form.element, form.scale) == (self.element, self.scale):
                return f"{family}:{self.block}"
        return f"{self.element}/{self.scale}:{self.block}"


_BITS = {
    "bf16": 16, "f16": 16, "f32": 32, "e4m3": 8, "e5m2": 8, "e3m2": 6, "e2m3": 6, "e2m1": 4,
    "int8": 8, "int4": 4,
}  # fmt: skip

FAMILIES: Mapping[str, StorageFormat] = {
    "mxfp8-e4m3": StorageFormat("e4m3", "e8m0", 32),
    "mxfp8-e5m2": StorageFormat("e5m2", "e8m0", 32),
    "mxfp6-e3m2": StorageFormat("e3m2", "e8m0", 32),
    "mxfp6-e2m3": StorageFormat("e2m3", "e8m0", 32),
    "mxfp4": StorageFormat("e2m1", "e8m0", 32),
    "nvfp4": StorageFormat("e2m1", "e4m3", 16),
    "mxint8": StorageFormat("int8", "e8m0", 32),
    "mxint4": StorageFormat("int4", "e8m0", 32),
}
"""Block-scaled formats with their usual block sizes; `mxfp4:16` says another."""

_ALIASES = {"mxfp8": "mxfp8-e4m3", "mxfp4-e2m1": "mxfp4"}
PLAIN = {name: StorageFormat(name) for name in ("bf16", "f16", "f32")}
FORMAT_NAMES = (*PLAIN, *FAMILIES, *_ALIASES)
_SIZED = re.compile(r"([a-z0-9-]+)(?::([0-9]+))?")


LARGEST_BLOCK = 1 << 16
"""Elements that may share a scale; formats have 8 to 128."""


def parse_format(text: str) -> StorageFormat:
    """The format that a policy writes as `bf16`, `mxfp8-e4m3` or `mxfp4:16`.

    Raises PolicyError for a name that does not exist and a block of no elements.
    """
    match = _SIZED.fullmatch(text)
    name = match[1] if match else text
    name = _ALIASES.get(name, name)
    if match and name in PLAIN and match[2] is None:
        return PLAIN[name]
    if match is None or name not in FAMILIES:
        close = get_close_matches(name, FORMAT_NAMES, n=1)
        hint = f"did you mean {close[0]}? " if close and close[0] != text else ""
        raise PolicyError(
            f"unknown number format '{text}'; {hint}there are {MACHINE}, {', '.join(PLAIN)}, and "
            f"with an optional :BLOCK {', '.join(FAMILIES)}"
        )
    form = FAMILIES[name]
    block = form.block if match[2] is None else int(match[2])
    if block < 1:
        raise PolicyError(f"'{text}' has blocks of no elements; write a size of at least 1")
    if block > LARGEST_BLOCK:
        raise PolicyError(
            f"'{text}' has too large blocks; they have at most {LARGEST_BLOCK} values"
        )
    return StorageFormat(form.element, form.scale, block)


_NOTHING: Mapping[str, str] = {}


def _preset(**formats: str) -> Mapping[str, str]:
    wide = {"q": "bf16", "o": "bf16", "p": "bf16", "statistics": "bf16"}
    return MappingProxyType({**wide, **formats})


PRESETS: Mapping[str, Mapping[str, str]] = {
    "plena": _preset(weights=MACHINE, k=MACHINE, v=MACHINE, q=MACHINE, o=MACHINE),
    "mxfp8": _preset(weights="mxfp8-e4m3", k="mxfp8-e4m3", v="mxfp8-e4m3"),
    "mxfp4-kv": _preset(weights=MACHINE, k="mxfp4", v="mxfp4"),
    "nvfp4-kv": _preset(weights=MACHINE, k="nvfp4", v="nvfp4"),
    "bf16": _preset(weights="bf16", k="bf16", v="bf16"),
}
"""Policies by name: role -> format."""


@dataclass(frozen=True)
class Policy:
    """A format name for each role."""

    formats: Mapping[str, str] = field(default_factory=lambda: PRESETS["plena"])

    @classmethod
    def get(cls, preset: str = "plena", overrides: Mapping[str, str] = _NOTHING) -> Policy:
        """A preset, with other formats for some roles. Raises PolicyError for unknown names."""
        if preset not in PRESETS:
            close = get_close_matches(preset, PRESETS, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise PolicyError(f"unknown policy '{preset}'; {hint}there are {', '.join(PRESETS)}")
        for role, text in overrides.items():
            if role not in ROLES:
                raise PolicyError(f"unknown role '{role}'; there are {', '.join(ROLES)}")
            if text != MACHINE:
                parse_format(text)
        return cls({**PRESETS[preset], **overrides})

    def check_on_chip(self) -> None:
        """P and the running statistics stay wide; raises PolicyError where they would not."""
        for role in ON_CHIP:
            text = self.formats[role]
            if text not in (MACHINE, "bf16"):
                what = "P never leaves" if role == "p" else "the running statistics never leave"
                raise PolicyError(
                    f"{role}={text}: {what} the chip, which computes in bf16; write {role}=bf16"
                )

    def storage(self, machine: Machine, role: str) -> HbmFormat:
        """What the machine reads (for `o` writes) the operand of a role as.

        Raises PolicyError where it cannot, with the reason and the nearest format that it can.
        """
        text = self.formats[role]
        keys = settings_keys(role)
        if text == MACHINE:
            form = machine.hbm_formats[keys[0]]
            reason = unusable(form)
            if reason is not None:
                raise PolicyError(f"{keys[0]} is {form}: {reason}")
            return form
        wanted = parse_format(text)
        offered = [machine.hbm_formats[key] for key in keys]
        for form in offered:
            if storage_format(form) == wanted and unusable(form) is None:
                return form
        raise PolicyError(_refusal(machine, role, wanted))


def settings_keys(role: str) -> tuple[str, str]:
    """The settings that name the formats of a role's transfers, the usual one first."""
    if role == "weights":
        return ("HBM_M_WEIGHT_TYPE", "HBM_M_KV_TYPE")
    if role in MATRIX:
        return ("HBM_M_KV_TYPE", "HBM_M_WEIGHT_TYPE")
    return ("HBM_V_ACT_TYPE", "HBM_V_KV_TYPE")


def storage_format(form: HbmFormat) -> StorageFormat | None:
    """A machine's format as policies name formats; None where they have no name for it."""
    element = str(form.element)
    if isinstance(form, PlainFormat):
        return PLAIN["bf16"] if form.element == BF16 else None
    if element not in _BITS or form.scale != E8M0:
        return None
    return StorageFormat(element, "e8m0", form.block)


def unusable(form: HbmFormat) -> str | None:
    """Why tensors cannot be stored in a machine's format, or None where they can."""
    if isinstance(form, PlainFormat):
        if form.element == BF16:
            return None
        return (
            "Plain formats other than bf16 are stored wrongly (ISA section 5.5); Plain bf16 and "
            "Mx formats work"
        )
    if isinstance(form.element, IntType):
        return (
            "integers are truncated and read back without sign (ISA section 5.5); use Fp elements"
        )
    if form.element.bits != 8 or str(form.element) not in _BITS or form.scale != E8M0:
        return "Mx elements can be e4m3 or e5m2, with e8m0 scales"
    return None


def _refusal(machine: Machine, role: str, wanted: StorageFormat) -> str:
    """Why a machine does not load a format for a role, and what would be right."""
    keys = settings_keys(role)
    verb = "stored" if role == "o" else "loaded"
    if wanted.block and wanted.bits < 8:
        reason = f"elements have {wanted.bits} bits, and transfers take 8 or 16"
    elif wanted.scale == "e4m3":
        reason = "the machine's scales are e8m0"
    elif wanted.element.startswith("int"):
        reason = "the machine reads integers without sign (ISA section 5.5)"
    elif not wanted.block and wanted.element != "bf16":
        reason = f"the machine computes in bf16 and has no right Plain {wanted.element}"
    else:
        offered = " and ".join(f"{key} is {machine.hbm_formats[key]}" for key in keys)
        reason = f"in {machine.name}, {offered}"
    text = f"{role}={wanted.name} cannot be {verb}: {reason}"
    usable = [f for key in keys if unusable(f := machine.hbm_formats[key]) is None]
    names = [found for form in usable if (found := storage_format(form)) is not None]
    if names:
        nearest = min(names, key=lambda form: _distance(form, wanted))
        text += f"; the nearest that it can be is {nearest.name}"
    others = [name for name in Machine.presets() if wanted in _loadable(name, role)]
    return text + (f"; machine {others[0]} has {wanted.name}" if others else "")


def _distance(form: StorageFormat, wanted: StorageFormat) -> tuple[bool, float]:
    """How far two formats are apart: block-scaled or not, then bits for each value."""
    difference = abs(form.bits_per_value - wanted.bits_per_value)
    return (bool(form.block) != bool(wanted.block), difference)


@cache
def _loadable(preset: str, role: str) -> tuple[StorageFormat, ...]:
    """What a preset machine loads for a role."""
    machine = Machine.load(preset)
    forms = [machine.hbm_formats[key] for key in settings_keys(role)]
    found = [storage_format(form) for form in forms if unusable(form) is None]
    return tuple(form for form in found if form is not None)


def machine_format(form: StorageFormat) -> HbmFormat:
    """The entry of a settings file for a format; raises PolicyError where there is none."""
    if not form.block and form.element == "bf16":
        return PlainFormat(BF16)
    floats = {"e4m3": FloatType(4, 3), "e5m2": FloatType(5, 2)}
    if form.element in floats and form.scale == "e8m0":
        return MxFormat(form.block, floats[form.element], E8M0)
    raise PolicyError(f"no machine loads {form.name}")
