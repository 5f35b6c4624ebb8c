"""Where the installed commands begin: an interrupt ends them quietly, also during an import."""

from __future__ import annotations

from .support.interrupts import leave_at_once


def _start(module: str) -> int:
    """The exit status of the tool in `module`, which takes its time to import."""
    leave_at_once()
    from importlib import import_module

    return import_module(f"fa.tools.{module}").main()


def fa_opt() -> int:
    return _start("fa_opt")


def fa_compile() -> int:
    return _start("fa_compile")


def fa_sim() -> int:
    return _start("fa_sim")


def fa_asm() -> int:
    return _start("fa_asm")


def fa_disasm() -> int:
    return _start("fa_disasm")


def fa_run() -> int:
    return _start("fa_run")


def fa_gen() -> int:
    return _start("fa_gen")


def fa_pack() -> int:
    return _start("fa_pack")


def fa_unpack() -> int:
    return _start("fa_unpack")


def fa_accuracy() -> int:
    return _start("fa_accuracy")
