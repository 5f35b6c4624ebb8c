"""The engines by name, and which of them there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from ..spec.cost_tables import device_of

if TYPE_CHECKING:
    from ..program.program import Program

Engine: TypeAlias = Literal["auto", "native", "numpy", "plain"]


class EngineError(ValueError):
    """An engine that cannot run a program; the text says which one can."""


ENGINES: tuple[Engine, ...] = ("auto", "native", "numpy", "plain")
"""What a run can be asked for; "auto" is the fastest there is."""


def why_no_native() -> str:
    """Why there is no native engine, in a few words; "" where there is one."""
    from .native.library import Unavailable, library

    try:
        library()
    except Unavailable as error:
        return str(error)
    return ""


def engine_named(engine: str) -> Literal["native", "numpy", "plain"]:
    """The engine that a run uses; ValueError where it is not there."""
    match engine:
        case "auto":
            return "numpy" if why_no_native() else "native"
        case "native":
            if reason := why_no_native():
                raise ValueError(f"there is no native engine: {reason}")
            return "native"
        case "numpy" | "plain":
            return engine
        case _:
            raise ValueError(f"engine is {engine!r}, must be one of {', '.join(ENGINES)}")


def engine_for(engine: str, program: Program, hbm_time: str) -> Literal["native", "numpy", "plain"]:
    """The engine that a run of a program uses; ValueError where it is not there, or cannot do it.

    The native engine has memories of four channels or more: "auto" is numpy for others.
    """
    name = engine_named(engine)
    if name == "native" and hbm_time == "exact" and program.table.is_timed:
        channels = device_of(program.table, program.machine).channels
        if channels < 4:
            if engine == "native":
                raise EngineError(
                    f"the native engine has no memory of {channels} channels, only of 4 and more; "
                    "take the engine numpy"
                )
            return "numpy"
    return name


def engines_here() -> list[Literal["native", "numpy", "plain"]]:
    """The engines that there are, the fastest first."""
    return ["numpy", "plain"] if why_no_native() else ["native", "numpy", "plain"]


def engine_text() -> str:
    """One line on what "auto" is here."""
    from .native.library import Unavailable, library

    try:
        return f"engine: native ({library().variant})"
    except Unavailable as error:
        return f"engine: numpy; no native one: {error}"
