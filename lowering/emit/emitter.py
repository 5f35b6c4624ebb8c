"""Building `plena` code: registers as values, loops as context managers, constants, CSR state."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from xdsl.dialects.builtin import LocationAttr, UnknownLoc
from xdsl.ir import Block, Operation, SSAValue
from xdsl.rewriter import InsertPoint, Rewriter

from ...dialects import plena
from ...machine.spec.params import Machine
from .float_constants import FloatConstants


class OpenLoop:
    """A loop that is being filled: the values it carries, what it yields, its results."""

    def __init__(self, counter: SSAValue | None, carried: Sequence[SSAValue]):
        self.counter = counter
        """Counts from the number of iterations down to 1; None where there is but one."""
        self.carried = tuple(carried)
        self.yielded: tuple[SSAValue, ...] = ()
        self.results: tuple[SSAValue, ...] = ()

    def yields(self, *values: SSAValue) -> None:
        """Say what the next iteration gets."""
        self.yielded = values


class Emitter:
    """Emits instructions at the end of a kernel, or of the loop that is open in it."""

    def __init__(self, machine: Machine, kernel: plena.KernelOp, floats: FloatConstants):
        self.machine = machine
        self.floats = floats
        self.location: LocationAttr = UnknownLoc()
        self._point = InsertPoint.at_end(kernel.body.block)
        self._csr: dict[str, int | None] = {}
        self.zero = self._insert(plena.zero_register()).results[0]
        self.f_zero = self._insert(plena.zero_register(plena.FPType)).results[0]

    def _insert(self, op: Operation) -> Operation:
        op.location = self.location
        Rewriter.insert_op(op, self._point)
        return op

    def do(self, mnemonic: str, *arguments: SSAValue | int) -> None:
        """Emit an instruction without a result."""
        self._insert(plena.instruction(mnemonic, *arguments))

    def get(self, mnemonic: str, *arguments: SSAValue | int) -> SSAValue:
        """Emit an instruction and return the register it writes."""
        return self._insert(plena.instruction(mnemonic, *arguments)).results[0]

    def constant(self, value: int) -> SSAValue:
        """An integer register that holds `value`, modulo 2^32."""
        value %= plena.WORD
        if value == 0:
            return self.zero
        ops = plena.constant(self.zero, value)
        for op in ops:
            self._insert(op)
        return ops[-1].result

    def add(self, register: SSAValue, value: int) -> SSAValue:
        """register + value, modulo 2^32."""
        if value == 0:
            return register
        if 0 < value < plena.IMMEDIATE:
            return self.get("S_ADDI_INT", register, value)
        if value < 0:
            return self.get("S_SUB_INT", register, self.constant(-value))
        return self.get("S_ADD_INT", register, self.constant(value))

    def float(self, value: float) -> SSAValue:
        """A float register that holds `value` rounded to bf16."""
        if value == 0:
            return self.f_zero
        return self.get("S_LD_FP", self.zero, self.floats.slot(value))

    @contextmanager
    def loop(self, count: int, *carried: SSAValue) -> Generator[OpenLoop]:
        """A hardware loop of `count` >= 1 iterations; one iteration needs no loop."""
        if count == 1:
            single = OpenLoop(None, carried)
            yield single
            single.results = single.yielded
            return
        op = plena.LoopOp(count, carried)
        self._insert(op)
        outer, self._point = self._point, InsertPoint.at_end(op.body.block)
        # What the body finds in the CSRs is what came before it or what it leaves itself.
        before, self._csr = self._csr, {}
        opened = OpenLoop(op.counter, op.carried)
        yield opened
        self._insert(plena.YieldOp(op.counter, *opened.yielded))
        self._point = outer
        self._csr = {**before, **self._csr}
        opened.results = tuple(op.outs)

    @contextmanager
    def loop_to(
        self, most: int, step: int, end: Callable[[], SSAValue], *carried: SSAValue
    ) -> Generator[OpenLoop]:
        """A hardware loop over 0, `step`, 2 `step`, ... to before a number of run time.

        `end` emits what gives that, a multiple of `step` and not 0; there are at most `most`
        iterations. `counter` of what is yielded is where the iteration is.
        """
        op = plena.LoopOp(most, [self.zero, *carried], counted=True)
        self._insert(op)
        outer, self._point = self._point, InsertPoint.at_end(op.body.block)
        before, self._csr = self._csr, {}
        done, *others = op.carried
        opened = OpenLoop(done, others)
        yield opened
        after = self.add(done, step)
        # Not more than 1 only when nothing is left: steps are larger.
        left = self.get("S_SUB_INT", end(), after)
        self._insert(plena.YieldOp(left, after, *opened.yielded))
        self._point = outer
        self._csr = {**before, **self._csr}
        opened.results = tuple(op.outs[1:])

    def insert_at(self, point: InsertPoint) -> None:
        """Go on elsewhere."""
        self._point = point

    def block(self) -> Block:
        """The block that is being filled."""
        return self._point.block

    def stride(self, value: int) -> None:
        """Have `value` bytes in the STRIDE register."""
        self._set("C_SET_STRIDE_REG", value)

    def scale(self, value: int) -> None:
        """Have `value` bytes in the SCALE register."""
        self._set("C_SET_SCALE_REG", value)

    def _set(self, mnemonic: str, value: int) -> None:
        if self._csr.get(mnemonic) != value:
            self.do(mnemonic, self.constant(value))
            self._csr[mnemonic] = value
