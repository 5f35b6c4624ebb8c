"""What `smooth-keys` and `rotate` take, and leave alone."""

from __future__ import annotations

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes

Q, K, S = "tensor<1x2x40x64xbf16>", "tensor<1x2x50x64xbf16>", "tensor<1x2x40x50xbf16>"


def attention(middle: str = "", more: str = "", results: str = Q) -> str:
    names = "%o" if results == Q else "%o, %s"
    extra = f", {S}" if "bias" in middle else ""
    return f"""func.func @f(%q: {Q}, %k: {K}, %v: {K}, %b: {S}) -> ({results}) {{
      {names} = fa.attention %q, %k, %v {middle} {more} : {Q}, {K}, {K}{extra} -> {results}
      func.return {names} : {results}
    }}"""


@pytest.mark.parametrize("passes", ["{},tile,fuse", "tile,fuse,{}", "tile,{}"])
def test_biases_are_no_queries(passes: str) -> None:
    module = parse_module(attention("bias(%b)"))
    rng = np.random.default_rng(0)
    shapes = [(1, 2, 40, 64), (1, 2, 50, 64), (1, 2, 50, 64), (1, 2, 40, 50)]
    args = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    exact = fa.interpret(module, args, round=False)[0]
    changed = module.clone()
    run_passes(changed, passes.format("smooth-keys,rotate"))
    assert str(changed).count("mx.rotate") == 2
    assert str(changed).count("mx.center") == 1
    turned = fa.interpret(changed, args, round=False)[0]
    np.testing.assert_allclose(turned, exact, atol=1e-5)
    kernel = fa.compile(module, passes=passes.format("rotate"))
    kinds = {
        region.name: region.kind for region in kernel.layout.regions if region.role == "argument"
    }
    assert kinds == {"q": "query", "k": "key", "v": "value", "b": "bias"}
    stored = kernel.stored(*args)
    expected = fa.interpret(module, stored, round=False)[0]
    assert np.linalg.norm(kernel.run(*args).outputs[0] - expected) < 1.5e-2 * np.linalg.norm(exact)


@pytest.mark.parametrize(
    ("source", "what"),
    [
        (attention(more="{softcap = 5.0 : f32}"), "the soft cap"),
        (attention(more='{qk = "raw"}', results=f"{Q}, {S}"), "the scores as a result"),
    ],
)
def test_what_sees_scores_is_refused(source: str, what: str) -> None:
    with pytest.raises(fa.CompileError, match=f"scores shift, and {what} would see that"):
        run_passes(parse_module(source), "smooth-keys")
    module = parse_module(source)
    with pytest.raises(fa.CompileError, match="scores shift, and the"):
        run_passes(module, "tile,fuse,smooth-keys")
