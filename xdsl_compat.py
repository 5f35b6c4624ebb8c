"""What differs between the versions of xDSL that this package runs on, 0.74 and 0.75.

|                                  | 0.74           | 0.75                              |
| -------------------------------- | -------------- | --------------------------------- |
| scalars in xDSL's interpreters   | Python numbers | `IntegerAttr`, `FloatAttr`        |
| `Universe.all_frontends`         | not there      | name -> what loads a `Frontend`   |
| `fa-opt -f` (the driver's flag)  | a name         | a name, options in braces         |

Asked is always what the installed version can do, never its number. Besides these, register types
have their name as a parameter in 0.74 and derive it from the index in 0.75, which is why `plena`'s
registers look at the index only. Anything may import this module; it imports nothing of ours.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from xdsl.universe import Universe

if TYPE_CHECKING:
    from xdsl.dialects.builtin import FloatAttr, IntegerAttr
    from xdsl.interpreter import Interpreter

Loaders = Mapping[str, Callable[[], Any]]


def scalar(interpreter: Interpreter, value: IntegerAttr | FloatAttr) -> object:
    """The constant `value` as `interpreter` holds scalars; an index has the interpreter's width."""
    wrap = _wrap()
    number = value.value.data
    return number if wrap is None else wrap(number, value.type, interpreter.index_bitwidth)


def number(held: Any) -> Any:
    """A scalar that an interpreter holds as a Python number."""
    from xdsl.dialects.builtin import FloatAttr, IntegerAttr

    return held.value.data if isinstance(held, IntegerAttr | FloatAttr) else held


@cache
def _wrap() -> Callable[..., object] | None:
    """What makes the attribute of a scalar; None where interpreters hold Python numbers."""
    from xdsl.interpreters import builtin

    return getattr(builtin, "scalar_attr", None)


def has_frontends() -> bool:
    """Whether a universe can name frontends, which every xDSL tool then offers."""
    return "all_frontends" in inspect.signature(Universe).parameters


def universe(*, frontends: Loaders, **others: Any) -> Universe:
    """A universe with dialects, passes and targets, and `frontends` where it can name them."""
    if has_frontends():
        others["all_frontends"] = dict(frontends)
    return Universe(**others)
