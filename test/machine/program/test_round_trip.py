"""Instruction to text to word to text, for anything the table allows."""

from fa.machine import assemble, disassemble
from fa.machine.program.disassembler import instruction_text
from fa.machine.spec.encoding import decode, encode
from fa.machine.spec.isa import INSTRUCTIONS
from hypothesis import given
from hypothesis import strategies as st


@st.composite
def instructions(draw):
    """An instruction with operand values that fit their fields."""
    instruction = draw(st.sampled_from(INSTRUCTIONS))
    values = [draw(st.integers(0, (1 << o.width) - 1)) for o in instruction.operands]
    return instruction, tuple(values)


@given(instructions())
def test_instruction_text_word_text(drawn):
    instruction, values = drawn
    word = encode(instruction, values)
    text = instruction_text(word)
    assert not text.startswith(".word")
    assert assemble(text).tolist() == [word]
    decoded = decode(word)
    assert decoded is not None
    assert (decoded.instruction, decoded.values) == (instruction, values)


@given(st.lists(st.integers(0, 0xFFFF_FFFF)))
def test_any_words_survive_their_text(words):
    assert assemble(disassemble(words)).tolist() == words


@given(st.lists(instructions()))
def test_published_text_survives_the_published_assembler(drawn):
    """What the published assembler can say at all comes back from its own text."""
    words = [encode(*each) for each in drawn]
    text = disassemble(words, compat=True)
    expressible = [not line.startswith(".word") for line in text.splitlines()]
    for line, word, plain in zip(text.splitlines(), words, expressible, strict=True):
        if plain:
            assert assemble(line, compat=True).tolist() == [word]
