"""Pipelines as text: the grammar, the conversion of options, and the messages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest
from fa.diagnostics import CompileError
from fa.frontends.pipeline_text import PassText, build_passes, join_pipeline, split_pipeline
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass


@dataclass(frozen=True)
class Sample(ModulePass):
    """A pass with an option of every type."""

    name: ClassVar[str] = "sample"
    flag: bool = False
    count: int = 1
    ratio: float = 0.5
    text: str = ""
    maybe: int | None = 7
    path: str | None = None
    order: Literal["q", "kv"] = "q"
    sizes: tuple[int, ...] = ()
    pair: tuple[int, int] | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None: ...


@dataclass(frozen=True)
class Needy(ModulePass):
    """A pass with a required option, which it checks."""

    name: ClassVar[str] = "needy"
    tile_size: int

    def __post_init__(self):
        if self.tile_size % 16:
            raise ValueError(f"tile-size is {self.tile_size}; it must be a multiple of 16")

    def apply(self, ctx: Context, op: ModuleOp) -> None: ...


PASSES: dict[str, Callable[[], type[ModulePass]]] = {
    "sample": lambda: Sample,
    "needy": lambda: Needy,
}


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("", []),
        ("  ", []),
        ("a", [PassText("a")]),
        ("a-b,c", [PassText("a-b"), PassText("c")]),
        (" a , b ", [PassText("a"), PassText("b")]),
        ("a{x=1 y},b{}", [PassText("a", "x=1 y"), PassText("b")]),
        ("a{x=\"}\" y='{'},b", [PassText("a", "x=\"}\" y='{'"), PassText("b")]),
        ("mlir-opt[cse,dce],b", [PassText("mlir-opt", "[cse,dce]"), PassText("b")]),
    ],
)
def test_split(text: str, elements: list[PassText]):
    assert split_pipeline(text) == elements
    assert split_pipeline(join_pipeline(e for e in elements if e.name != "mlir-opt")) == [
        e for e in elements if e.name != "mlir-opt"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,", "expected a pass name before its end"),
        (",a", "expected a pass name before ',a'"),
        ("a b", "expected ',' or '{options}' before 'b'"),
        ("a{x", "expected options closed by '}' before '{x'"),
        ("a{x={}}", "expected options closed by '}'"),
        ("a[b]", "expected ',' or '{options}' before '[b]'"),
        ("builtin.module(a)", "expected ',' or '{options}' before '(a)'"),
    ],
)
def test_malformed(text: str, message: str):
    with pytest.raises(CompileError) as caught:
        split_pipeline(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", Sample()),
        ("flag", Sample(flag=True)),
        ("flag=false", Sample(flag=False)),
        ("count=-3", Sample(count=-3)),
        ("ratio=2", Sample(ratio=2.0)),
        ("ratio=1e-3", Sample(ratio=1e-3)),
        ("text=1", Sample(text="1")),
        ("text=true", Sample(text="true")),
        ("text='a b'", Sample(text="a b")),
        ('text="a \\" b"', Sample(text='a " b')),
        ("path=/x/y-z.toml", Sample(path="/x/y-z.toml")),
        ("maybe=3", Sample(maybe=3)),
        ("order=kv", Sample(order="kv")),
        ("sizes=1", Sample(sizes=(1,))),
        ("sizes=1,2,3", Sample(sizes=(1, 2, 3))),
        ("pair=4,5", Sample(pair=(4, 5))),
        ("  count=2\n ratio=3  ", Sample(count=2, ratio=3.0)),
    ],
)
def test_options(options: str, expected: Sample):
    assert build_passes(f"sample{{{options}}}", PASSES) == (expected,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample{nope=1}", "pass 'sample' has no option 'nope'; its options are flag, count, "),
        ("sample{count=x}", "pass 'sample': option 'count' takes an integer, not 'x'"),
        ("sample{count=1.5}", "option 'count' takes an integer, not '1.5'"),
        ("sample{count=1,2}", "option 'count' takes an integer, not '1,2'"),
        ("sample{count}", "option 'count' takes an integer, not nothing"),
        ("sample{maybe}", "option 'maybe' takes an integer, not nothing"),
        ("sample{flag=1}", "option 'flag' takes true or false, not '1'"),
        ("sample{ratio=x}", "option 'ratio' takes a number, not 'x'"),
        ("sample{order=v}", "option 'order' takes one of q, kv, not 'v'"),
        ("sample{sizes=1,x}", "takes a comma-separated list, each an integer, not '1,x'"),
        ("sample{pair=1}", "takes an integer, an integer separated by commas, not '1'"),
        ("sample{count=1 count=2}", "option 'count' is given twice"),
        ("sample{=1}", "expected key=value in options '=1'"),
        ("needy", "pass 'needy' needs the option 'tile-size'"),
        ("needy{tile-size=8}", "pass 'needy': tile-size is 8; it must be a multiple of 16"),
        ("sampel", "unknown pass 'sampel'; did you mean 'sample'?"),
    ],
)
def test_bad_options(text: str, message: str):
    with pytest.raises(CompileError) as caught:
        build_passes(text, PASSES)
    assert message in str(caught.value)
