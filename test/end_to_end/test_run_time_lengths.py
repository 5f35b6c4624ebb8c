"""One program for every length: valid keys as an operand, at every level against float64."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import fa
import numpy as np
import pytest
from fa.frontends.mlir import parse_module, run_passes
from fa.machine.cost.cost import program_cost
from fa.machine.debug.emulator_files import EmulatorFiles
from fa.machine.simulator.engines import engines_here
from numpy.typing import NDArray

Array = NDArray[np.floating]

ROOM = 256
LENGTHS = (0, 1, 2, 63, 64, 65, 127, 128, 200, 255, 256)

EXACT = 3e-6
"""f32 sums of up to 256 terms, in another order."""

BF16 = 2e-2
"""Probabilities and results of 8 bits, on operands as they are stored: some 5e-3 is usual."""


def module(
    batch: int = 1,
    q_heads: int = 4,
    kv_heads: int = 2,
    q_len: int = 1,
    room: int = ROOM,
    clauses: str = "",
    attributes: str = "",
    more: str = "",
    lse: bool = False,
    dim: int = 64,
) -> str:
    """An attention with lengths; `more` are arguments in front of them, as `clauses` name them."""
    q = f"tensor<{batch}x{q_heads}x{q_len}x{dim}xbf16>"
    kv = f"tensor<{batch}x{kv_heads}x{room}x{dim}xbf16>"
    n = f"tensor<{batch}xi32>"
    types = "".join(f", {part.split(': ')[1]}" for part in more.split(", ") if part)
    extra = f"{more}, " if more else ""
    results = f"({q}, tensor<{batch}x{q_heads}x{q_len}xf32>)" if lse else q
    listed = results.strip("()")
    names = "%o, %lse" if lse else "%o"
    return f"""func.func @f(%q: {q}, %k: {kv}, %v: {kv}, {extra}%n: {n}) -> {results} {{
  {names} = fa.attention %q, %k, %v {clauses}lengths(%n){attributes}
    : {q}, {kv}, {kv}{types}, {n} -> {listed}
  func.return {names} : {listed}
}}
"""


def arguments(text: str, seed: int = 0) -> list[NDArray[np.float32]]:
    """Values for every argument but the lengths."""
    rng = np.random.default_rng(seed)
    shapes = re.findall(r"%\w+: tensor<([\dx]+)x(?:bf16|f32)>", text.split("->")[0])
    dims = [tuple(map(int, shape.split("x"))) for shape in shapes]
    return [rng.standard_normal(shape).astype(np.float32) for shape in dims]


def exact(
    args: Sequence[Array],
    lengths: Sequence[int],
    bias: bool = False,
    sinks: bool = False,
    softcap: float | None = None,
) -> tuple[Array, Array]:
    """Float64 attention on the first `lengths[b]` keys of each batch, and its logsumexp."""
    q, k, v, *rest = (np.asarray(a, np.float64) for a in args)
    added = rest.pop(0) if bias else None
    sink = rest.pop(0) if sinks else None
    group = q.shape[1] // k.shape[1]
    out = np.zeros((*q.shape[:3], v.shape[3]))
    lse = np.full(q.shape[:3], -np.inf)
    for b, h in np.ndindex(q.shape[:2]):
        n = lengths[b]
        s = q[b, h] @ k[b, h // group, :n].T * q.shape[3] ** -0.5
        if softcap is not None:
            s = softcap * np.tanh(s / softcap)
        if added is not None:
            s = s + np.broadcast_to(added, (1, q.shape[1], q.shape[2], k.shape[2]))[0, h, :, :n]
        if sink is not None:
            s = np.concatenate([s, np.full((len(s), 1), sink[h])], 1)
        if s.shape[1] == 0:
            continue
        top = s.max(1, keepdims=True)
        p = np.exp(s - top)
        lse[b, h] = (top[:, 0] + np.log(p.sum(1))).ravel()
        out[b, h] = (p / p.sum(1, keepdims=True))[:, :n] @ v[b, h // group, :n]
    return out, lse


def off(actual: Array, expected: Array) -> float:
    """The relative L2 error; of zeros 0 where they are zeros."""
    difference, size = np.linalg.norm(actual - expected), np.linalg.norm(expected)
    return float(difference / size if size else difference)


LEVELS = (
    "",
    "group-heads",
    "tile",
    "group-heads,tile,fuse",
    "group-heads,tile{kv-tile=128},fuse",
    "group-heads,tile,fuse,map,specialize-masks,trim-tiles,schedule-rows",
)


@pytest.mark.parametrize("passes", LEVELS)
def test_every_level_means_the_valid_keys(passes: str):
    text = module(batch=3)
    lowered = parse_module(text)
    if passes:
        run_passes(lowered, passes)
    args = arguments(text)
    for lengths in ([0, 1, 63], [64, 65, 200], [256, 0, 128]):
        (out,) = fa.interpret(lowered, [*args, np.array(lengths, np.int32)], round=False)
        want, _ = exact(args, lengths)
        assert off(out, want) < EXACT
        assert not out[np.array(lengths) == 0].any()


def simulated(kernel: fa.Kernel, args: Sequence[Array], lengths: Sequence[int]):
    """A run, and the arguments as the machine has them."""
    given = [*args, np.array(lengths, np.int32)]
    return kernel.run(*given, hbm_time="none"), kernel.stored(*given)[:-1]


@pytest.mark.parametrize("target", ["emulator", "analytic", "rtl"])
def test_one_program_runs_at_every_length(target: str):
    text = module()
    kernel, args = fa.compile(text, optimize_for=target), arguments(text)
    for length in LENGTHS:
        run, stored = simulated(kernel, args, [length])
        want, _ = exact(stored, [length])
        assert off(run.outputs[0], want) < BF16, length


PROGRAMS = {
    "batches": ({"batch": 3}, {}, None),
    "one kv head": ({"kv_heads": 1}, {}, None),
    "a head each": ({"kv_heads": 4}, {}, None),
    "many queries": ({"q_len": 70, "q_heads": 2, "kv_heads": 1}, {}, None),
    "causal, one query": ({"attributes": " {mask = #fa.causal}"}, {}, None),
    "soft cap": ({"attributes": " {softcap = 5.0 : f32}"}, {"softcap": 5.0}, None),
    "sinks": ({"clauses": "sinks(%s) ", "more": "%s: tensor<4xbf16>"}, {"sinks": True}, None),
    "bias": ({"clauses": "bias(%b) ", "more": "%b: tensor<1x4x1x256xbf16>"}, {"bias": True}, None),
    "rows of 128 keys": ({"batch": 2}, {}, "group-heads,tile{kv-tile=128},fuse"),
    "rows of 192 keys": ({"batch": 2, "room": 300}, {}, "group-heads,tile{kv-tile=192},fuse"),
    "unfused": ({"batch": 2}, {}, "tile"),
    "room for less than a tile": ({"room": 40}, {}, None),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str):
    """Each variant on the machine, at lengths of all kinds; lengths of batches differ."""
    given, special, passes = PROGRAMS[name]
    text = module(**given)  # pyright: ignore[reportArgumentType]
    kernel, args = fa.compile(text, passes=passes), arguments(text)
    batch, room = args[0].shape[0], args[1].shape[2]
    rng = np.random.default_rng(len(name))
    chosen = [[0] * batch, [room] * batch, *rng.integers(0, room + 1, (3, batch)).tolist()]
    for lengths in chosen:
        run, stored = simulated(kernel, args, lengths)
        want, _ = exact(stored, lengths, **special)
        assert off(run.outputs[0], want) < BF16, lengths


def test_logsumexp_of_no_keys_is_minus_infinity():
    text = module(batch=2, lse=True, attributes=" {lse}")
    kernel, args = fa.compile(text), arguments(text)
    run, stored = simulated(kernel, args, [0, 100])
    out, lse = run.outputs
    want, sums = exact(stored, [0, 100])
    assert not out[0].any()
    assert np.isneginf(lse[0]).all()
    assert off(out[1], want[1]) < BF16
    assert abs(lse[1] - sums[1]).max() < 0.05


def test_what_lies_behind_the_valid_keys_changes_nothing():
    text = module()
    kernel, (q, k, v) = fa.compile(text), arguments(text)
    first = kernel.run(q, k, v, np.array([100]))
    k[:, :, 100:], v[:, :, 100:] = 9.0, -9.0
    second = kernel.run(q, k, v, np.array([100]))
    assert np.array_equal(first.outputs[0], second.outputs[0])


def test_work_is_in_proportion_to_the_valid_keys():
    text = module(room=1024)
    kernel, args = fa.compile(text), arguments(text)
    cycles = [kernel.run(*args, np.array([n])).cycles for n in (1, 64, 65, 512, 1024)]
    assert cycles[0] == cycles[1]
    a_tile = (cycles[4] - cycles[3]) / 8
    for n, measured in ((2, cycles[2]), (8, cycles[3])):
        assert abs(measured - cycles[0] - (n - 1) * a_tile) < 0.1 * measured


@pytest.mark.parametrize("lengths", [[0, 0, 0], [1, 65, 200], [256, 256, 256], [64, 0, 129]])
def test_cost_is_what_the_simulator_counts(lengths: list[int]):
    text = module(batch=3)
    kernel, args = fa.compile(text), arguments(text)
    run = kernel.run(*args, np.array(lengths))
    # All transfers timed, where `fa.cost` takes samples of so many.
    words = [int(word) for word in kernel.words]
    cost = program_cost(words, kernel.machine, kernel.layout, None, lengths={3: lengths})
    assert cost.instructions == run.instructions
    assert cost.hbm_bytes_read == run.hbm_bytes_read
    assert cost.hbm_bytes_written == run.hbm_bytes_written
    assert cost.hbm_exact
    assert cost.emulator_cycles == run.cycles
    assert fa.cost(kernel, kv_lens=lengths).instructions == run.instructions
    assert fa.cost(kernel) == fa.cost(kernel, kv_lens=[ROOM] * 3)


def test_engines_agree():
    text = module(batch=2)
    kernel, args = fa.compile(text), arguments(text)
    runs = [kernel.run(*args, np.array([65, 3]), engine=e) for e in engines_here()]
    for run in runs[1:]:
        assert np.array_equal(run.outputs[0], runs[0].outputs[0])
        assert (run.cycles, run.instructions) == (runs[0].cycles, runs[0].instructions)


def test_saved_kernels_and_files_for_the_emulator(tmp_path: Path):
    text = module(batch=2)
    kernel, args = fa.compile(text), arguments(text)
    lengths = np.array([65, 3], np.int32)
    kernel.save(tmp_path / "kernel")
    loaded = fa.Kernel.load(tmp_path / "kernel")
    assert loaded.layout == kernel.layout
    assert kernel.integers(*args, lengths) == (65, 3, 128, 64)
    paths = [tmp_path / f"{i}.npy" for i in range(4)]
    for path, value in zip(paths, [*args, lengths], strict=True):
        np.save(path, value)
    from fa.tools import fa_compile, fa_sim

    (tmp_path / "f.mlir").write_text(text)
    flags = [flag for path in paths for flag in ("--arg", str(path))]
    emulator = str(tmp_path / "emulator")
    assert fa_compile.main([str(tmp_path / "f.mlir"), "--emulator-dir", emulator, *flags]) == 0
    assert EmulatorFiles.read(emulator).int.tolist()[:4] == [65, 3, 128, 64]
    assert fa_sim.main([str(tmp_path / "kernel"), "--strict", *flags]) == 0


def test_a_cache_grows_in_place():
    text = module(kv_heads=1)
    kernel, (q, k, v) = fa.compile(text), arguments(text)
    grown = np.frombuffer(kernel.pack(q, k[:, :, :60].repeat(5, 2)[:, :, :256], v, [60]), np.uint8)
    whole = np.frombuffer(kernel.pack(q, k, v, [70]), np.uint8)
    image = grown.copy()
    for name, values in (("k", k), ("v", v)):
        kernel.append(image, name, values[:, :, :256], 0)
    assert np.array_equal(image, whole)


def test_steps_on_a_packed_image():
    text = module()
    kernel, (q, k, v) = fa.compile(text), arguments(text)
    image = np.frombuffer(kernel.pack(np.zeros_like(q), k, v, np.array([5])), np.uint8).copy()
    kernel.put(image, "q", q)
    for length in (5, 200):
        one, other = kernel.run_image(image, [length]), kernel.run(q, k, v, np.array([length]))
        assert np.array_equal(one.outputs[0], other.outputs[0])
        assert one.cycles == other.cycles
    with pytest.raises(fa.CompileError, match="no argument called 'n' lies in HBM; there are q, k"):
        kernel.put(image, "n", np.array([3]))
    with pytest.raises(fa.CompileError, match="argument q must have shape"):
        kernel.put(image, "q", k)
    with pytest.raises(fa.CompileError, match="the length of batch 0 is 300"):
        kernel.run_image(image, [300])
    with pytest.raises(fa.CompileError, match="the image has 64 bytes"):
        kernel.run_image(image[:64], [3])


def test_the_decode_loop(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """The example, a few steps of it: errors as usual, and a step more costs what its tile does."""
    path = Path(__file__).parents[2] / "examples" / "decode_loop.py"
    spec = importlib.util.spec_from_file_location("decode_loop", path)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "decode_loop", example)
    spec.loader.exec_module(example)
    monkeypatch.setattr(sys, "argv", ["decode_loop.py", "--tokens", "4", "--steps", "2"])
    example.main()
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[0] for row in rows] == ["in", "5", "6"]
    assert rows[1][1] == rows[2][1]
    assert all(float(row[3]) < BF16 for row in rows)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([257], "the length of batch 0 is 257; there is room for 256 keys, and 0 is the least"),
        ([-1], "the length of batch 0 is -1; there is room for 256 keys, and 0 is the least"),
        ([1, 2], r"argument n must have shape \(1,\), got \(2,\)"),
        ([1.5], "argument n holds integers"),
        (["a"], "argument n holds <U1"),
    ],
)
def test_lengths_that_there_cannot_be_are_refused_before_the_run(
    lengths: list[float], message: str
):
    text = module()
    kernel, args = fa.compile(text), arguments(text)
    for use in (kernel.run, kernel.pack, kernel.simulator):
        with pytest.raises(fa.CompileError, match=message):
            use(*args, np.array(lengths))
    with pytest.raises(fa.CompileError):
        fa.interpret(text, [*args, np.array(lengths)])


def test_costs_for_lengths_that_there_cannot_be():
    kernel = fa.compile(module(batch=2))
    with pytest.raises(fa.CompileError, match="kv_lens are 2 lengths, got 1"):
        fa.cost(kernel, kv_lens=[3])
    with pytest.raises(fa.CompileError, match="there is room for 256 keys"):
        fa.cost(kernel, kv_lens=[3, 300])
    plain = fa.attention(q_heads=1, kv_heads=1, q_len=1, kv_len=64, head_dim=64)
    with pytest.raises(fa.CompileError, match="no lengths at run time"):
        fa.cost(fa.compile(plain), kv_lens=[3])


REFUSED = [
    (" {mask = #fa.causal}", None, "#fa.causal beside lengths has no form on tiles for 2 queries"),
    (" {mask = #fa.window<left = 3>}", None, "#fa.window<left = 3> beside lengths"),
    ("", "tile,fuse{split-kv=2}", "lengths go with order=queries and split-kv=1"),
    ("", "tile,fuse{order=keys}", "lengths go with order=queries and split-kv=1"),
]


@pytest.mark.parametrize(("attributes", "passes", "message"), REFUSED)
def test_what_has_no_form_is_refused(attributes: str, passes: str | None, message: str):
    with pytest.raises(fa.CompileError) as error:
        fa.compile(module(q_len=2, attributes=attributes), passes=passes)
    assert message in str(error.value)


def test_masks_move_with_lengths_on_tensors():
    """Bottom-right alignment is that of the valid keys."""
    text = module(
        q_len=3, q_heads=2, kv_heads=1, attributes=" {mask = #fa.window<left = 1, right = 0>}"
    )
    q, k, v = arguments(text)
    (out,) = fa.interpret(text, [q, k, v, np.array([50])], round=False)
    for i in range(3):
        keys = slice(50 - 3 + i - 1, 50 - 3 + i + 1)
        want, _ = exact([q[:, :, i : i + 1], k[:, :, keys], v[:, :, keys]], [2])
        assert off(out[:, :, i : i + 1], want) < EXACT


def test_the_builder_gives_lengths():
    built = fa.attention(
        q_heads=4, kv_heads=2, q_len=1, kv_len=ROOM, head_dim=64, sinks=True, lengths=True
    )
    assert [t.name for t in fa.compile(built).layout.signature] == [
        "q",
        "k",
        "v",
        "sinks",
        "lengths",
    ]
