"""What the machine refuses to execute."""

from __future__ import annotations


class Trap(RuntimeError):
    """An instruction that the machine cannot execute; its emulator aborts here.

    `pc` counts instructions from 0, `instruction` is its assembly text, `reason` says what is
    wrong with which value.
    """

    def __init__(self, pc: int, instruction: str, reason: str) -> None:
        super().__init__(f"trap at pc {pc}: {instruction}: {reason}")
        self.pc = pc
        self.instruction = instruction
        self.reason = reason
