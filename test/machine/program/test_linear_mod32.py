"""Sums of symbols say of integer instructions what the machine does with numbers."""

from __future__ import annotations

import pytest
from fa.machine import Simulator, assemble
from fa.machine.program.linear_mod32 import ARITHMETIC, WRAP, Linear, at, computed, made, symbol
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = st.integers(0, WRAP)
IMMEDIATES = {"S_ADDI_INT": (1 << 18) - 1, "S_LUI_INT": (1 << 22) - 1}


@pytest.mark.parametrize("mnemonic", sorted(ARITHMETIC))
def test_what_the_machine_computes(mnemonic, small):
    @settings(max_examples=20, deadline=None)
    @given(left=WORDS, right=WORDS, factor=WORDS, number=WORDS)
    def check(left: int, right: int, factor: int, number: int):
        simulator = Simulator(small)
        right &= IMMEDIATES.get(mnemonic, WRAP)
        first = made(number, {"x": factor})
        match mnemonic:
            case "S_LUI_INT":
                text, inputs = f"{mnemonic} gp3, {right}", [right]
            case "S_ADDI_INT":
                text, inputs = f"{mnemonic} gp3, gp1, {right}", [first, right]
            case _:
                text, inputs = f"{mnemonic} gp3, gp1, gp2", [first, right]
        simulator.gp[1], simulator.gp[2] = factor * left + number & WRAP, right
        simulator.run(assemble(text))
        result = computed(mnemonic, *inputs)
        assert result is not None
        assert at(result, {"x": left}) == simulator.gp[3]

    check()


def test_products_of_symbols_are_not_known():
    assert computed("S_MUL_INT", symbol("x"), symbol("y")) is None
    assert computed("S_ADD_INT", None, 1) is None
    assert computed("S_SUB_INT", symbol("x"), symbol("x")) == 0
    assert computed("S_SUB_INT", 1, symbol("x")) == Linear(1, {"x": WRAP})
