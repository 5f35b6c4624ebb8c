"""Costs of eviction: those of the definition, each reader looked at once."""

from __future__ import annotations

import random

import pytest
from fa.dialects import plena
from fa.lowering.registers.eviction_costs import (
    EvictionCosts,
    Loops,
    home_block,
    is_carried,
    is_recomputable,
    readers,
)
from fa.lowering.registers.live_ranges import ProgramOrder
from fa.lowering.registers.spilling import loops_around, placement
from fa.lowering.registers.webs import Web, conventional_webs

from ..programs import Generator, parse_kernel


def by_definition(web: Web, around: Loops, order: ProgramOrder) -> int:
    """Each reload where `placement` puts it, counted as often as it runs."""
    cost = 0
    constant = len(web.values) == 1 and is_recomputable(web.values[0])
    for value in web.values:
        home = home_block(value)
        assert home is not None
        if constant:
            cost -= order.frequency[home]
        elif not is_carried(value):
            cost += order.frequency[home]
        places = {placement(value, reader, around) for reader, _ in readers(value)}
        cost += sum(order.frequency[place.parent] for place in places if place.parent is not None)
    return cost


@pytest.mark.parametrize("seed", range(20))
def test_same_as_the_definition(seed: int):
    source = random.Random(seed)
    webs = conventional_webs(Generator(source.randrange, 60, 8).kernel())
    order = webs.order
    loops = order.loops
    hoisted = {
        value: source.choice(loops) for value in order.values if loops and source.random() < 0.1
    }
    costs = EvictionCosts(order, hoisted)
    points = source.sample(range(2 * len(order.ops)), 20)
    for web in webs.in_bank(plena.GPType):
        inside = frozenset(hoisted[value] for value in web.values if value in hoisted)
        for point in points:
            around = loops_around(order, point)
            assert costs.of(web).at(around) == by_definition(web, around | inside, order)


@pytest.mark.parametrize("loops", [10, 100, 1000])
def test_each_reader_is_looked_at_once(loops: int):
    body = "\n".join(
        f"""plena.loop 4 (%i{n} : !plena.gp) {{
              plena.v_add_vv %a, %a, %a, 0 : (!plena.gp, !plena.gp, !plena.gp) -> ()
              plena.yield %i{n} : !plena.gp
            }}"""
        for n in range(loops)
    )
    module, kernel = parse_kernel(
        f"%a = plena.s_addi_int %zero, 5 : (!plena.gp<gp0>) -> !plena.gp\n{body}"
    )
    webs = conventional_webs(kernel)
    costs = EvictionCosts(webs.order, {})
    (web,) = (web for web in webs.in_bank(plena.GPType) if len(list(web.values[0].uses)) > loops)
    # A reload in front of each of the other loops, one in each iteration of this one; the constant
    # itself goes. Three operands of one instruction are one reader.
    for loop in webs.order.loops:
        assert costs.of(web).at(frozenset({loop})) == loops - 1 + 4 - 1
    assert costs.steps == 4 * loops
    assert module.body.block.first_op is kernel
