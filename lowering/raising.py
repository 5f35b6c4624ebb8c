"""Words to `plena` IR: a program from elsewhere as a kernel with structured loops.

Every register keeps its number, so the kernel is allocated, prints as the assembly that the words
stand for and encodes as the same words. Values follow the registers: a loop carries what its body
writes and somebody reads in a later iteration or after it. Registers that a program reads before it
writes them are `plena.get_register` at the kernel's start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

from xdsl.dialects.builtin import FileLineColLoc, IntAttr, ModuleOp, StringAttr, UnitAttr
from xdsl.ir import Block, Operation, Region, SSAValue

from ..diagnostics import CompileError
from ..dialects import plena
from ..machine.program.mem_file import LocatedWord
from ..machine.spec.encoding import Decoded, decode, encode
from ..machine.spec.isa import BANK_PREFIX, Operand

ZEROS = ("gp0", "f0")


@dataclass(slots=True)
class _Loop:
    """A loop by the pcs of its ends.

    `reads` are registers that its body reads before it writes them, `writes` those that it writes,
    `carried` those whose values it passes on; its counter is in none of them.
    """

    start: int
    end: int
    register: str
    count: int
    body: list[_Node]
    reads: set[str] = field(default_factory=set[str])
    writes: set[str] = field(default_factory=set[str])
    carried: set[str] = field(default_factory=set[str])


_Node: TypeAlias = int | _Loop


def raise_words(words: Sequence[LocatedWord], filename: str, name: str) -> ModuleOp:
    """A module with the kernel `name` for a program; `filename` is what locations call its file.

    Raises CompileError at the first word that has no form in the IR: undefined opcodes and bits
    that the machine ignores, registers that do not exist, results in gp0 and f0, C_BREAK, loops
    that do not nest or that never end, and readers of a counter after its loop. A loop whose body
    writes its counter counts at run time, and what C_LOOP_START gives is taken for the most.
    """
    return _Raising(words, filename).module(name)


class _Raising:
    def __init__(self, words: Sequence[LocatedWord], filename: str):
        self.words = words
        self.filename = filename
        self.decoded = [self._decode(pc) for pc in range(len(words))]
        self.entry = Block()
        self.initial: dict[str, SSAValue] = {}

    def module(self, name: str) -> ModuleOp:
        nodes = self._nest()
        kernel = plena.KernelOp(name, Region(self.entry))
        kernel.location = FileLineColLoc(StringAttr(self.filename), IntAttr(1), IntAttr(1))
        # A value that a loop carries is read before it, so that loops around it may carry it too.
        growing = True
        while growing:
            for node in nodes:
                self._summarize(node)
            growing = self._carry(nodes, set())
        _BlockBuilder(self, self.entry, {}).build(nodes)
        module = ModuleOp([kernel])
        module.location = kernel.location
        return module

    def location(self, pc: int) -> FileLineColLoc:
        """Where the word at `pc` stands."""
        word = self.words[pc]
        return FileLineColLoc(StringAttr(self.filename), IntAttr(word.line), IntAttr(word.column))

    def error(self, pc: int, message: str) -> NoReturn:
        """Raise CompileError at the word at `pc`."""
        word = self.words[pc]
        raise CompileError(f"pc {pc}: {message}", f"{self.filename}:{word.line}:{word.column}")

    def value(self, name: str, environment: dict[str, SSAValue | None], pc: int) -> SSAValue:
        """What the register `name` holds before the instruction at `pc`."""
        if name in environment:
            value = environment[name]
            if value is None:
                self.error(pc, f"reads {name}, the spent counter of a loop; write it first")
            return value
        if name not in self.initial:
            op = plena.GetRegisterOp(_register(name))
            op.location = self.location(pc) if name not in ZEROS else self.location(0)
            op.result.name_hint = "zero" if name == "gp0" else name
            first = self.entry.first_op
            if first is None:
                self.entry.add_op(op)
            else:
                self.entry.insert_op_before(op, first)
            self.initial[name] = op.result
        return self.initial[name]

    # Words

    def _decode(self, pc: int) -> Decoded:
        """The instruction at `pc`, if the IR has it."""
        word = self.words[pc].word
        decoded = decode(word)
        if decoded is None or decoded.instruction.status == "undefined":
            self.error(pc, f"0x{word:08X} has no opcode of the machine")
        row = decoded.instruction
        if row.status != "implemented":
            self.error(pc, f"{row.mnemonic} always traps")
        if row.mnemonic == "C_BREAK":
            self.error(pc, "C_BREAK has no form in structured loops")
        if encode(row, decoded.values) != word:
            self.error(pc, f"0x{word:08X} sets bits that {row.mnemonic} ignores")
        for operand, value in zip(row.operands, decoded.values, strict=True):
            if operand.bank == "dummy" and value:
                self.error(pc, f"the first operand of {row.mnemonic} must be 0, got {value}")
            if not operand.is_register:
                continue
            if value >= operand.limit:
                self.error(pc, f"there is no register {_name(operand, value)}")
            if operand.writes and _name(operand, value) in ZEROS:
                self.error(
                    pc, f"{row.mnemonic} writes {_name(operand, value)}, which the IR takes for 0"
                )
        return decoded

    def _nest(self) -> list[_Node]:
        """The loop nest."""
        top: list[_Node] = []
        open_loops: list[_Loop] = []
        for pc, decoded in enumerate(self.decoded):
            body = open_loops[-1].body if open_loops else top
            match decoded.instruction.mnemonic:
                case "C_LOOP_START":
                    register, count = f"gp{decoded.values[0]}", decoded.values[1]
                    if count == 0:
                        self.error(pc, "a loop cannot have a count of 0; the least is 1")
                    loop = _Loop(pc, -1, register, count, [])
                    body.append(loop)
                    open_loops.append(loop)
                case "C_LOOP_END":
                    register = f"gp{decoded.values[0]}"
                    if all(loop.register != register for loop in open_loops):
                        self.error(pc, f"no loop with the counter {register} is open")
                    inner = open_loops.pop()
                    if inner.register != register:
                        self.error(
                            pc,
                            f"closes the loop of {register} while that of {inner.register} from "
                            f"pc {inner.start} is open",
                        )
                    inner.end = pc
                case _:
                    body.append(pc)
        if open_loops:
            loop = open_loops[-1]
            self.error(loop.start, f"the loop of {loop.register} is never closed")
        return top

    # Which registers are read and written

    def registers(self, node: _Node) -> tuple[set[str], set[str]]:
        """Registers that a node reads before it writes them, and that it writes."""
        if isinstance(node, _Loop):
            return node.reads | node.carried, node.writes | {node.register}
        decoded = self.decoded[node]
        read, written = set[str](), set[str]()
        for operand, value in zip(decoded.instruction.operands, decoded.values, strict=True):
            if operand.is_register and (name := _name(operand, value)) not in ZEROS:
                if operand.reads:
                    read.add(name)
                if operand.writes:
                    written.add(name)
        return read, written

    def _summarize(self, node: _Node) -> None:
        """Fill in the registers of a loop, inner loops first."""
        if isinstance(node, int):
            return
        node.reads, node.writes = set(), set()
        for inner in node.body:
            self._summarize(inner)
            read, written = self.registers(inner)
            node.reads |= read - node.writes
            node.writes |= written
        node.reads.discard(node.register)
        node.writes.discard(node.register)

    def _carry(self, nodes: list[_Node], live: set[str]) -> bool:
        """Let loops carry what they write and somebody reads later; whether that is news.

        `live` are the registers that are read after the nodes.
        """
        growing = False
        for node in reversed(nodes):
            if isinstance(node, _Loop):
                carried = node.writes & (live | node.reads)
                growing |= carried != node.carried
                node.carried = carried
                growing |= self._carry(node.body, live | node.reads | {node.register})
            read, written = self.registers(node)
            live = (live - written) | read
        return growing


class _BlockBuilder:
    """Fills a block. `environment` maps registers to their values; None is a spent counter."""

    def __init__(self, raising: _Raising, block: Block, environment: dict[str, SSAValue | None]):
        self.raising = raising
        self.block = block
        self.environment = environment
        # Copies and spills of values, for counters that are kept elsewhere in a loop.
        self.originals: dict[SSAValue, SSAValue] = {}
        self.slots: dict[int, SSAValue] = {}

    def build(self, nodes: list[_Node]) -> None:
        """Append the nodes."""
        for node in nodes:
            if isinstance(node, _Loop):
                self._loop(node)
            else:
                self._instruction(node)

    def value(self, name: str, pc: int) -> SSAValue:
        """What a register holds here."""
        return self.raising.value(name, self.environment, pc)

    def original(self, value: SSAValue) -> SSAValue:
        """The value of which `value` is a copy, or itself."""
        return self.originals.get(value, value)

    def _append(self, op: Operation, pc: int) -> None:
        op.location = self.raising.location(pc)
        self.block.add_op(op)

    def _instruction(self, pc: int) -> None:
        decoded = self.raising.decoded[pc]
        arguments: list[SSAValue | int] = []
        register = ""
        for operand, value in zip(decoded.instruction.operands, decoded.values, strict=True):
            if operand.is_register and operand.reads:
                arguments.append(self.value(_name(operand, value), pc))
            elif not operand.is_register and operand.bank != "dummy":
                arguments.append(value)
            if operand.writes:
                register = _name(operand, value)
        mnemonic = decoded.instruction.mnemonic
        if not register:
            self._append(plena.instruction(mnemonic, *arguments), pc)
            self._stored(decoded, arguments)
            return
        op = plena.instruction(mnemonic, *arguments, register=_register(register))
        self._append(op, pc)
        op.result.name_hint = register
        self.environment[register] = op.result
        if mnemonic == "S_ADDI_INT" and decoded.value("value") == 0:
            assert isinstance(arguments[0], SSAValue)
            self.originals[op.result] = self.original(arguments[0])
        elif mnemonic == "S_LD_INT" and decoded.value("base") == 0:
            slot = decoded.value("offset")
            if slot in self.slots:
                self.originals[op.result] = self.slots[slot]

    def _stored(self, decoded: Decoded, arguments: Sequence[SSAValue | int]) -> None:
        """Keep in mind what an instruction leaves in INT_MEM."""
        if decoded.instruction.mnemonic == "S_ST_INT" and decoded.value("base") == 0:
            assert isinstance(arguments[0], SSAValue)
            self.slots[decoded.value("offset")] = self.original(arguments[0])
        elif "int_mem" in decoded.instruction.effects.writes:
            self.slots.clear()

    def _loop(self, loop: _Loop) -> None:
        raising = self.raising
        carried = sorted(loop.carried, key=_order)
        for name in carried:
            if name.startswith("a"):
                raising.error(
                    loop.start,
                    f"the loop hands {name} on, and address registers cannot be carried; set it "
                    "in each iteration before it is used, or before the loop only",
                )
        inits = [self.value(name, loop.start) for name in carried]
        names = [loop.register, *carried]
        body = Block(arg_types=[_register(name) for name in names])
        op = plena.LoopOp(loop.count, inits, Region(body))
        self._append(op, loop.start)
        inner_environment = dict(self.environment)
        for name, argument in zip(names, body.args, strict=True):
            argument.name_hint = name
            inner_environment[name] = argument
        inner = _BlockBuilder(raising, body, inner_environment)
        inner.build(loop.body)
        counter = inner.value(loop.register, loop.end)
        if inner.original(counter) is not op.counter:
            op.counted = UnitAttr()
        yielded = [inner.value(name, loop.end) for name in carried]
        terminator = plena.YieldOp(counter, *yielded)
        terminator.location = raising.location(loop.end)
        body.add_op(terminator)
        for name, out in zip(carried, op.outs, strict=True):
            out.name_hint = name
            self.environment[name] = out
        # Nobody reads what else the body writes.
        self.environment[loop.register] = None
        self._forget_stores(loop)

    def _forget_stores(self, loop: _Loop) -> None:
        """What a loop may have stored in INT_MEM is no longer known."""
        for decoded in self.raising.decoded[loop.start : loop.end]:
            if decoded.instruction.mnemonic == "S_ST_INT" and decoded.value("base") == 0:
                self.slots.pop(decoded.value("offset"), None)
            elif "int_mem" in decoded.instruction.effects.writes:
                self.slots.clear()


def _name(operand: Operand, index: int) -> str:
    return f"{BANK_PREFIX[operand.bank]}{index}"


def _register(name: str) -> plena.BankType:
    """The type of the register `name`."""
    prefix = name.rstrip("0123456789")
    bank = next(bank for bank in plena.BANKS.values() if prefix == bank.PREFIX)
    return bank.register(int(name.removeprefix(prefix)))


def _order(name: str) -> tuple[bool, int]:
    """Integer registers first, then by number."""
    prefix = name.rstrip("0123456789")
    return prefix != "gp", int(name.removeprefix(prefix))
