"""Host operations: one table says what they compute, how they are undone, and what they move."""

import numpy as np
import pytest
from fa.dialects import fa, mx
from fa.dialects.host_op import HostOp
from fa.dialects.interpreters.fa import run_function
from fa.machine.host.recipe import RECIPE_KINDS, evaluate
from fa.machine.host.recipe_shape import shape_of
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType, bf16, f32, i1
from xdsl.ir import Block, Region

DIMS = (1, 6, 4)
VALUES = np.arange(1, 25, dtype=np.float32).reshape(DIMS) * np.float32(1.01)

MADE = {
    "reshape": lambda x: fa.ReshapeOp(x, (3, 8)),
    "transpose": lambda x: fa.TransposeOp(x, (2, 0, 1)),
    "concat": lambda x: fa.ConcatOp(x, x, 1),
    "broadcast": lambda x: fa.BroadcastOp(x, (3, 6, 4)),
    "pad": lambda x: fa.PadOp(x, (2, 7, 8)),
    "crop": lambda x: fa.CropOp(x, (1, 2, 2), (0, 3, 2)),
    "additive": lambda x: fa.AdditiveOp(x, f32),
    "center": lambda x: mx.CenterOp(x, 1, TensorType(bf16, DIMS)),
    "rotate": lambda x: mx.RotateOp(x, 5, TensorType(bf16, DIMS)),
    "limit": lambda x: mx.LimitOp(x, 16, TensorType(bf16, DIMS)),
}
MOVES = ("reshape", "transpose", "concat", "pad", "crop")


def built(name: str) -> tuple[ModuleOp, HostOp]:
    """An operation on the argument of a function that returns its result."""
    kind = TensorType(i1 if name == "additive" else f32, DIMS)
    block = Block(arg_types=[kind])
    op = MADE[name](block.args[0])
    block.add_ops([op, func.ReturnOp(op.result)])
    module = ModuleOp([func.FuncOp("main", ((kind,), (op.result.type,)), Region(block))])
    module.verify()
    return module, op


def test_every_host_operation_is_here():
    known = [op for op in (*fa.FA.operations, *mx.MX.operations) if issubclass(op, HostOp)]
    assert {op.name.partition(".")[2] for op in known} == set(MADE)
    assert {op.RECIPE for op in known} == set(RECIPE_KINDS) - {"constant", "pair"}


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("rounded", [True, False])
def test_interpreter_packer_and_type_agree(name: str, rounded: bool):
    module, op = built(name)
    values = VALUES > 9 if name == "additive" else VALUES
    recipe = op.recipe([["argument", 0]] * len(op.operands), rounded)
    (found,) = run_function(module, [values], rounded)
    np.testing.assert_array_equal(found, evaluate(recipe, lambda *_: values))
    assert found.shape == shape_of(recipe, lambda *_: DIMS) == fa.tensor_dims(op.result)


@pytest.mark.parametrize("name", MADE)
def test_what_only_moves_goes_back(name: str):
    _, op = built(name)
    given = [VALUES, VALUES + 100]
    recipe = op.recipe([["argument", index] for index in range(len(op.operands))])
    made = evaluate(recipe, lambda _, index: given[index])
    assert op.only_moves == (name in MOVES)
    if op.only_moves:
        kept = made[made != 0].tolist()
        assert set(kept) <= {value for array in given for value in array.reshape(-1).tolist()}
        assert len(set(kept)) == len(kept)
    for number in range(len(op.operands)):
        back = op.inverse(number, recipe)
        # A crop loses what it cuts off.
        assert (back is not None) == (name in MOVES and name != "crop")
        if back is not None:
            found = evaluate(back, lambda _, index: given[index])
            np.testing.assert_array_equal(found, given[number])
