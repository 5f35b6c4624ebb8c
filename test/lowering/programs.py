"""Random kernels, and two ways to run one: on its SSA values, and on registers from its assembly.

Both leave a trace of what each instruction did to memories. Arithmetic on floats and on
vector memory is replaced by mixing integers, which tells any two different computations apart.
FP_MEM and the control registers are real: what counts is what instructions find there, and what
FP_MEM holds at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fa.dialects import plena
from fa.machine.spec.isa import BY_MNEMONIC
from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.ir import Block, SSAValue
from xdsl.parser import Parser

INT_USED = 8
"""Entries of INT_MEM that random kernels use themselves."""
M32 = (1 << 32) - 1

Draw = Callable[[int], int]
"""A number from 0 to below the argument."""
Trace = list[tuple[object, ...]]


def context() -> Context:
    ctx = Context()
    ctx.load_dialect(Builtin)
    ctx.load_dialect(plena.PLENA)
    return ctx


def parse_kernel(
    body: str, attributes: str = f"attributes {{plena.int_mem_used = {INT_USED} : i64}}"
) -> tuple[ModuleOp, plena.KernelOp]:
    """A kernel with gp0 as %zero, f0 as %f0, and the lines given."""
    text = f"""plena.kernel @k {attributes} {{
    %zero = plena.get_register : !plena.gp<gp0>
    %f0 = plena.get_register : !plena.fp<f0>
    {body}
    }}"""
    module = Parser(context(), text).parse_module()
    module.verify()
    kernel = module.body.block.first_op
    assert isinstance(kernel, plena.KernelOp)
    return module, kernel


def mix(*parts: object) -> int:
    """A 32-bit number that depends on all parts."""
    total = 0x811C9DC5
    for part in parts:
        for byte in str(part).encode() + b"|":
            total = (total ^ byte) * 0x01000193 & M32
    return total


@dataclass
class Memory:
    """What instructions do besides writing registers, the same for both evaluators."""

    ints: dict[int, int] = field(default_factory=lambda: {n: 1000 + n for n in range(INT_USED)})
    floats: dict[int, int] = field(default_factory=dict)
    csrs: dict[str, int] = field(default_factory=dict)
    trace: Trace = field(default_factory=list)

    def finished(self) -> Trace:
        """The trace, and FP_MEM as the program leaves it."""
        return [*self.trace, *(("FP_MEM", *entry) for entry in sorted(self.floats.items()))]

    def execute(self, mnemonic: str, read: list[int], constants: list[int]) -> int | None:
        """The register that an instruction writes, if any."""
        match mnemonic:
            case "S_ADDI_INT":
                return (read[0] + constants[0]) & M32
            case "S_ADD_INT":
                return (read[0] + read[1]) & M32
            case "S_SUB_INT":
                return (read[0] - read[1]) & M32
            case "S_MUL_INT":
                return read[0] * read[1] & M32
            case "S_LUI_INT":
                return constants[0] << 12 & M32
            case "S_MAX_FP":
                return max(read)
            case "S_LD_INT":
                return self.ints.get((read[0] + constants[0]) & M32, 0)
            case "S_ST_INT":
                address = (read[1] + constants[0]) & M32
                self.ints[address] = read[0]
                if address < INT_USED:
                    self.trace.append((mnemonic, address, read[0]))
                return None
            case "S_LD_FP":
                address = (read[0] + constants[0]) & M32
                return self.floats.get(address, mix("FP_MEM", address))
            case "S_ST_FP":
                self.floats[(read[1] + constants[0]) & M32] = read[0]
                return None
            case "M_MM_WO" | "S_MAP_V_FP":
                # The immediate is added to a register: only the sum counts.
                address = (read[0 if mnemonic == "M_MM_WO" else 1] + constants[0]) & M32
                window = (self.floats.get(address + n) for n in range(8))
                self.trace.append((mnemonic, *read[:-1], address, *window))
                return None
            case "C_SET_SCALE_REG" | "C_SET_STRIDE_REG" | "C_SET_V_MASK_REG":
                self.csrs[mnemonic.split("_")[-2].lower()] = read[0]
                return None
            case _:
                row = BY_MNEMONIC[mnemonic]
                if any(operand.writes for operand in row.operands):
                    return mix(mnemonic, read, constants)
                csrs = [self.csrs.get(name) for name in row.effects.reads if name != "mask"]
                csrs += [self.csrs.get("mask")] if self._masked(mnemonic, constants) else []
                self.trace.append((mnemonic, *read, *constants, *csrs))
                return None

    @staticmethod
    def _masked(mnemonic: str, constants: list[int]) -> bool:
        """Whether an instruction looks at V_MASK."""
        row = BY_MNEMONIC[mnemonic]
        rest = [o for o in row.operands if not o.is_register and o.bank != "dummy"]
        return any(o.bank == "mask" and n for o, n in zip(rest, constants, strict=True))


def run_ssa(kernel: plena.KernelOp) -> Trace:
    """The trace of a kernel, by its SSA values. Registers do not matter."""
    memory = Memory()
    values: dict[SSAValue, int] = {}

    def run(block: Block) -> None:
        for op in block.ops:
            if isinstance(op, plena.GetRegisterOp):
                values[op.result] = 0
            elif isinstance(op, plena.CopyOp | plena.SpillOp | plena.ReloadOp):
                values[op.result] = values[op.source]
            elif isinstance(op, plena.Instruction):
                constants = [op.constant(operand.name) for operand in op.constants]
                read = [values[operand] for operand in op.operands]
                result = memory.execute(op.mnemonic, read, constants)
                if result is not None:
                    values[op.result] = result
            elif isinstance(op, plena.LoopOp):
                current = [values[init] for init in op.inits]
                for count in range(op.iterations, 0, -1):
                    values[op.counter] = count
                    values.update(zip(op.carried, current, strict=True))
                    run(op.body.block)
                    assert values[op.terminator.operands[0]] == count
                    current = [values[out] for out in op.yielded]
                values.update(zip(op.results, current, strict=True))

    run(kernel.body.block)
    return memory.finished()


class Endless(Exception):
    """A program that a wrong register makes run on and on."""


def run_text(text: str, steps: int = 1_000_000) -> tuple[Trace, int]:
    """The trace of assembly text, and the most instructions that one loop iteration executed.

    Endless when it executes more than `steps` instructions.
    """
    program = [line.split(";")[0].split(maxsplit=1) for line in text.splitlines()]
    memory = Memory()
    registers: dict[str, int] = {}
    loops: list[list[object]] = []
    most = 0
    pc = 0
    while pc < len(program):
        if not steps:
            raise Endless
        steps -= 1
        mnemonic, rest = program[pc]
        operands = [operand.strip() for operand in rest.split(",")]
        for loop in loops:
            loop[2] += 1
            most = max(most, loop[2])
        pc += 1
        if mnemonic == "C_LOOP_START":
            registers[operands[0]] = int(operands[1])
            loops.append([pc, operands[0], 0])
        elif mnemonic == "C_LOOP_END":
            index = max(i for i, loop in enumerate(loops) if loop[1] == operands[0])
            if registers[operands[0]] > 1:
                registers[operands[0]] -= 1
                pc = loops[index][0]
                loops[index][2] = 0
            else:
                registers[operands[0]] = 0
                del loops[index]
        else:
            row = BY_MNEMONIC[mnemonic]
            operands += ["0"] * (len(row.operands) - len(operands))
            read: list[int] = []
            constants: list[int] = []
            written = ""
            for operand, given in zip(row.operands, operands, strict=True):
                if operand.writes:
                    written = given
                if operand.reads:
                    read.append(0 if given in ("gp0", "f0") else registers[given])
                elif not operand.is_register and operand.bank != "dummy":
                    constants.append(int(given))
            result = memory.execute(mnemonic, read, constants)
            if written:
                assert written not in ("gp0", "f0")
                registers[written] = result
    assert not loops
    return memory.finished(), most


@dataclass
class Generator:
    """Builds random kernels with nested loops and carried values that are swapped and shared."""

    draw: Draw
    size: int
    pressure: int
    """How many integers of a block are read again at its end."""
    events: bool = True
    """Whether instructions that touch vector memory and HBM occur."""
    window: int = 1000
    """How many of the newest integers an instruction may choose from."""
    addresses: bool = False
    """Whether addresses are computed and used as kernels do: counters times numbers, pointers with
    steps, entries of FP_MEM by pointer and immediate, control registers."""

    def kernel(self) -> plena.KernelOp:
        kernel = plena.KernelOp(
            "random", attributes={"plena.int_mem_used": plena.integer(INT_USED)}
        )
        block = kernel.body.block
        zero = plena.zero_register()
        fzero = plena.zero_register(plena.FPType)
        block.add_ops([zero, fzero])
        self.zero = zero.result
        self.left = self.size
        self.block(block, [zero.result], [fzero.result], 0)
        return kernel

    def pick(self, pool: list[SSAValue]) -> SSAValue:
        # The newest values half of the time, so that programs are neither chains nor all parallel.
        newest = 3 if self.draw(2) else self.window
        return pool[-1 - self.draw(min(newest, len(pool)))]

    def block(self, block: Block, gp: list[SSAValue], fp: list[SSAValue], depth: int) -> None:
        outside = len(gp)
        steps = 2 + self.draw(10) if depth else self.size
        while steps and self.left > 0:
            steps -= 1
            self.left -= 1
            if depth < 4 and self.draw(6) == 0:
                self.loop(block, gp, fp, depth)
            else:
                self.step(block, gp, fp, depth)
        again = gp[outside:]
        while again and self.draw(self.pressure + 1):
            value = again.pop(self.draw(len(again)))
            self.add(block, "S_ST_INT", value, self.zero, self.draw(INT_USED))
        if fp[-1].type != plena.FPType.register(0):
            self.add(block, "S_ST_FP", fp[-1], self.zero, 1)

    def add(self, block: Block, mnemonic: str, *arguments: SSAValue | int) -> plena.Instruction:
        op = plena.instruction(mnemonic, *arguments)
        block.add_op(op)
        return op

    def step(self, block: Block, gp: list[SSAValue], fp: list[SSAValue], depth: int) -> None:
        if self.addresses and self.draw(2):
            self.address(block, gp, fp)
            return
        floats = len(fp)
        one, other, scalar = self.pick(gp), self.pick(gp), fp[-1 - self.draw(min(2, len(fp)))]
        match self.draw(12 if self.events else 9):
            case 0 | 1:
                for op in plena.constant(self.zero, self.draw(2) * (1 << 20) + self.draw(1000)):
                    block.add_op(op)
                    gp.append(op.result)
            case 2:
                gp.append(self.add(block, "S_ADDI_INT", one, self.draw(100)).result)
            case 3:
                mnemonic = ("S_ADD_INT", "S_SUB_INT", "S_MUL_INT")[self.draw(3)]
                gp.append(self.add(block, mnemonic, one, other).result)
            case 4:
                self.add(block, "S_ST_INT", one, self.zero, self.draw(INT_USED))
            case 5:
                gp.append(self.add(block, "S_LD_INT", self.zero, self.draw(INT_USED)).result)
            case 6:
                copy = plena.CopyOp(one)
                block.add_op(copy)
                gp.append(copy.result)
            case 7:
                fp.append(self.add(block, "S_LD_FP", self.zero, self.draw(9)).result)
            case 8:
                fp.append(self.add(block, "S_ADD_FP", scalar, fp[-1]).result)
            case 9:
                fp.append(self.add(block, "V_RED_SUM", scalar, one).result)
            case 10:
                self.add(block, "V_ADD_VF", one, other, scalar)
            case _:
                base = self.add(block, "C_SET_ADDR_REG", self.zero, one).result
                self.add(block, "H_PREFETCH_V", other, one, base, 1, 0)
        if depth > 1 and len(fp) > floats:
            # There are only 7 float registers and no spilling of them.
            self.add(block, "S_ST_FP", fp.pop(), self.zero, 2)
        del fp[1:-2]

    def address(self, block: Block, gp: list[SSAValue], fp: list[SSAValue]) -> None:
        """Something that kernels do with addresses."""
        one = self.pick(gp)
        match self.draw(10):
            case 0 | 1:
                factor = self.add(block, "S_ADDI_INT", self.zero, (1, 7, 64, 4096)[self.draw(4)])
                product = self.add(block, "S_MUL_INT", one, factor.result).result
                mnemonic = ("S_SUB_INT", "S_ADD_INT")[self.draw(2)]
                (start,) = plena.constant(self.zero, self.draw(1000))
                block.add_op(start)
                gp.append(self.add(block, mnemonic, start.result, product).result)
            case 2:
                gp.append(self.add(block, "S_ADDI_INT", one, self.draw(4)).result)
            case 3 | 4:
                base = (one, self.zero)[self.draw(2)]
                self.add(block, "S_ST_FP", fp[-1 - self.draw(min(2, len(fp)))], base, self.draw(4))
            case 5 | 6:
                base = (one, self.zero)[self.draw(2)]
                value = self.add(block, "S_LD_FP", base, self.draw(4)).result
                self.add(block, "V_ADD_VF", one, one, value)
            case 7:
                name = ("SCALE", "STRIDE", "V_MASK")[self.draw(3)]
                value = self.add(block, "S_ADDI_INT", self.zero, self.draw(2)).result
                self.add(block, f"C_SET_{name}_REG", value if self.draw(3) else one)
            case 8:
                self.add(block, "V_ADD_VV", one, one, one, self.draw(2))
                base = self.add(block, "C_SET_ADDR_REG", self.zero, one).result
                self.add(block, "H_PREFETCH_V", one, one, base, 1, 0)
            case _:
                self.add(block, "M_MM_WO", one, self.zero, self.draw(2) * 64)
                self.add(block, "S_MAP_V_FP", one, self.zero, self.draw(4))

    def loop(self, block: Block, gp: list[SSAValue], fp: list[SSAValue], depth: int) -> None:
        inits = [self.pick(gp) for _ in range(self.draw(5))]
        inits += [
            fp[-1 - self.draw(min(2, len(fp)))] for _ in range(self.draw(2) if depth < 2 else 0)
        ]
        loop = plena.LoopOp(1 + self.draw(3), inits)
        block.add_op(loop)
        body = loop.body.block
        counter = [loop.counter] if self.draw(2) else []
        inner_gp = [*gp, *counter, *(a for a in loop.carried if plena.bank(a) is plena.GPType)]
        inner_fp = [*fp, *(a for a in loop.carried if plena.bank(a) is plena.FPType)]
        self.block(body, inner_gp, inner_fp, depth + 1)
        yields = [
            self.pick(inner_gp) if plena.bank(a) is plena.GPType else inner_fp[-1]
            for a in loop.carried
        ]
        if self.addresses and self.draw(2):
            # Pointers with steps.
            yields = [
                self.add(body, "S_ADDI_INT", a, (1, 64)[self.draw(2)]).result
                if plena.bank(a) is plena.GPType
                else value
                for a, value in zip(loop.carried, yields, strict=True)
            ]
        elif len(yields) > 1 and self.draw(3) == 0:
            yields = [
                carried
                for carried in (*loop.carried[1:], loop.carried[0])
                if plena.bank(carried) is plena.GPType
            ] + [value for value in yields if plena.bank(value) is plena.FPType]
        body.add_op(plena.YieldOp(loop.counter, *yields))
        gp += [r for r in loop.results if plena.bank(r) is plena.GPType]
        fp += [r for r in loop.results if plena.bank(r) is plena.FPType]
        del fp[1:-2]
