"""What an operation of any known dialect computes."""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation

from . import onnx_ops, stablehlo, tosa, upstream, whole
from .access import Meaning, name_of
from .graph import Node, shape_and_element

MEANINGS: dict[str, Meaning] = {
    **upstream.MEANINGS,
    **stablehlo.MEANINGS,
    **tosa.MEANINGS,
    **onnx_ops.MEANINGS,
    **whole.MEANINGS,
}
"""Name of an operation -> what it computes."""


def meaning_of(op: Operation, args: Sequence[Node]) -> list[Node] | None:
    """A node for each result of an operation; None where what it computes is not known.

    An attribute of another form than expected, or a shape that does not come out, is not known.
    """
    meaning = MEANINGS.get(name_of(op))
    if meaning is None:
        return None
    try:
        made = meaning(op, list(args))
    except (ValueError, IndexError, TypeError, KeyError):
        # Operations of other dialects are verified by no one here.
        return None
    if made is None:
        return None
    nodes = [made] if isinstance(made, Node) else made
    kinds = [shape_and_element(result.type) for result in op.results]
    if name_of(op) != "tosa.const_shape" and [(n.shape, n.element) for n in nodes] != kinds:
        return None
    return nodes
