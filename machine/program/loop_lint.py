"""Loops that cannot be meant: never closed, closed twice, crossing, or with a count of 0.

The assembler takes such programs, as the published one does, and the machine traps on some of them
only when it gets there. `check_loops` finds them in the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..spec.encoding import decode
from .assembly_errors import AssemblyError


@dataclass(frozen=True, slots=True)
class _Open:
    register: int
    line: int


def check_loops(program: Sequence[tuple[int, int]], text: str) -> None:
    """Raise AssemblyError at the first bad loop of (word, line number) pairs assembled from `text`.

    After a C_BREAK only counts are checked: it drops a loop, whose end may then be missing.
    """
    lines = text.split("\n")

    def error(message: str, line: int) -> AssemblyError:
        code = lines[line - 1]
        return AssemblyError(message, line, len(code) - len(code.lstrip()) + 1)

    loops: list[_Open] = []
    broken = False
    for word, line in program:
        decoded = decode(word)
        if decoded is None:
            continue
        match decoded.instruction.mnemonic:
            case "C_BREAK":
                broken = True
            case "C_LOOP_START":
                register, count = decoded.values
                if count == 0:
                    raise error("a loop cannot have a count of 0; the least is 1", line)
                loops.append(_Open(register, line))
            case "C_LOOP_END" if not broken:
                register = decoded.values[0]
                if not any(loop.register == register for loop in loops):
                    raise error(f"no loop with the counter gp{register} is open", line)
                inner = loops.pop()
                if inner.register != register:
                    raise error(
                        f"closes the loop of gp{register} while the loop of gp{inner.register} "
                        f"from line {inner.line} is still open",
                        line,
                    )
            case _:
                pass
    if loops and not broken:
        raise error(f"the loop of gp{loops[-1].register} is never closed", loops[-1].line)
