"""One case of the fuzzer: an attention, a machine and a way to compile it; as MLIR and as JSON."""

from __future__ import annotations

import copy
import json
import tomllib
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import ml_dtypes
import numpy as np
from fa.machine.spec.params import PRESETS
from fa.machine.spec.toml_text import toml_text
from numpy.typing import NDArray

from .functions import function_text
from .predicates import predicate_text

FORMATS = {
    "bf16": {
        "format": "Plain",
        "DATA_TYPE": {"type": "Fp", "sign": True, "exponent": 8, "mantissa": 7},
    },
    **{
        f"{name}:{block}": {
            "format": "Mx",
            "block": block,
            "ELEM": {"type": "Fp", "sign": True, "exponent": exponent, "mantissa": mantissa},
            "SCALE": {"type": "Fp", "sign": False, "exponent": 8, "mantissa": 0},
        }
        for name, exponent, mantissa in (("e4m3", 4, 3), ("e5m2", 5, 2))
        for block in (8, 16, 32)
    },
}
"""Storage formats as settings files write them."""

PREPARED = "prepared"
"""The level of queries and keys that are centred or rotated."""

NUMPY = {"bf16": ml_dtypes.bfloat16, "f16": np.float16, "f32": np.float32}


@dataclass(frozen=True)
class Case:
    """What is computed, on which machine and by which passes.

    `mask` is a tree `[kind, {field: value}]` (`masks.py`), `hide` a function (`predicates.py`),
    `score` and `prob` are expressions (`functions.py`). `bias` is the shape of a bias, `sinks` says
    that there are some. `constants` names those of k, v, bias and sinks that the module holds, of
    which the values are exact in every format. `machine` is
    a preset, or with `settings` (configuration keys, and `kv` and `act` for storage formats) a
    machine like it. `tile`, `fuse`, `map`, `schedule`, `quantize` and `lower` are the options of
    these passes; where `fuse`, `map` or `schedule` is None the pass is left out. `grouped` starts
    with group-heads, heads in `parts` if there are any. `prepare` are passes for low precision,
    smooth-keys and rotate: on tensors, or with `late` on tiles, before they are mapped. `slide`
    runs slide-keys before masks are settled, `trim`, `stream` and `tabulate` run the passes of
    these names where they may stand. `clean` runs upstream's cse and canonicalize after every pass.
    `data` says what the arguments are
    (`arguments`).

    With `search`, a target, no pass is named: the mapping is searched, and other candidates tried.
    """

    batch: int = 1
    q_heads: int = 1
    kv_heads: int = 1
    q_len: int = 1
    kv_len: int = 1
    head_dim: int = 8
    value_dim: int = 8
    dtype: str = "bf16"
    mask: list[Any] | None = None
    hide: list[Any] | None = None
    scale: float | None = None
    softcap: float | None = None
    score_bound: float | None = None
    score: list[Any] | None = None
    prob: list[Any] | None = None
    bias: list[int] | None = None
    constants: list[str] = field(default_factory=list)
    sinks: bool = False
    lse: bool = False
    qk: str | None = None
    machine: str = "plena-64"
    settings: dict[str, Any] = field(default_factory=dict)
    search: str | None = None
    grouped: bool = False
    parts: int = 0
    prepare: str = ""
    late: bool = False
    tile: str = ""
    fuse: str | None = ""
    map: str | None = None
    slide: bool = False
    schedule: str | None = None
    quantize: str = ""
    lower: str = ""
    clean: bool = False
    data: str = "normal"
    trim: bool = False
    stream: bool = False
    tabulate: bool = False
    seed: int = 0

    def to_json(self) -> str:
        """The fields that are not the default, on one line."""
        default = Case()
        given = {k: v for k, v in asdict(self).items() if v != getattr(default, k)}
        return json.dumps(given)

    @classmethod
    def from_json(cls, text: str) -> Case:
        """The case that `to_json` wrote."""
        given = json.loads(text)
        return cls(**{f.name: given[f.name] for f in fields(cls) if f.name in given})

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Of q, k, v, and bias and sinks if there are any."""
        kv = (self.batch, self.kv_heads, self.kv_len)
        q = (self.batch, self.q_heads, self.q_len, self.head_dim)
        bias = [] if self.bias is None else [tuple(self.bias)]
        sinks = [(self.q_heads,)] if self.sinks else []
        return [q, (*kv, self.head_dim), (*kv, self.value_dim), *bias, *sinks]

    def arguments(self) -> list[NDArray[np.float32]]:
        """Exact in the interface type; a bias hides some of the keys, by -inf or by less.

        `data`: normal (standard normal), equal rows (keys alike, values alike), denormals (queries
        and keys of which the scores vanish), large (values of 1e30, 1e2 in f16, in some channels),
        zeros (queries), biases (-1e30, 1e-39, -1e-39 and -inf beside ordinary ones in each block,
        and in some rows 1e30).
        """
        random = np.random.default_rng(self.seed)
        drawn = [random.standard_normal(shape) for shape in self.shapes]
        match self.data:
            case "equal rows":
                drawn[1:3] = [np.broadcast_to(x[:, :, :1], x.shape).copy() for x in drawn[1:3]]
            case "denormals":
                drawn[:2] = [x * 1e-39 for x in drawn[:2]]
            case "large":
                drawn[2][..., ::3] *= 1e2 if self.dtype == "f16" else 1e30
            case "zeros":
                drawn[0][:] = 0
            case _:
                pass
        args = [x.astype(NUMPY[self.dtype]).astype(np.float32) for x in drawn]
        for name in self.constants:
            which = self.names.index(name)
            args[which] = np.clip(np.round(2 * args[which]) / 2, -3, 3)
        if self.sinks and self.q_heads > 1:
            args[-1][-1] = -np.inf
        if self.bias is not None:
            args[3][random.random(args[3].shape) < 0.05] = -np.inf
            if self.data == "biases" and self.dtype != "f16":
                _extremes(args[3], random)
            elif self.data != "normal" and self.dtype != "f16":
                args[3][random.random(args[3].shape) < 0.05] = -np.float32(2.0**99)
        return args

    @property
    def reach(self) -> float:
        """How far scores reach that are scaled and capped, in magnitude."""
        q, k = (np.asarray(x, np.float64) for x in self.arguments()[:2])
        k = np.repeat(k, self.q_heads // self.kv_heads, axis=1)
        scale = self.head_dim**-0.5 if self.scale is None else self.scale
        most = float(np.abs(scale * (q @ k.swapaxes(2, 3))).max())
        return most if self.softcap is None else self.softcap * float(np.tanh(most / self.softcap))

    @property
    def names(self) -> list[str]:
        """Of q, k, v, and of bias and sinks if there are any."""
        return ["q", "k", "v", *(word for word in ("bias", "sinks") if getattr(self, word))]

    @property
    def given(self) -> list[int]:
        """Which of the arguments are the function's; the others are constants."""
        return [i for i, name in enumerate(self.names) if name not in self.constants]

    def mlir(self) -> str:
        """The module's text."""
        extras = [word for word in ("bias", "sinks") if getattr(self, word)]
        names = [f"%{name}" for name in self.names]
        types = [_tensor(shape, self.dtype) for shape in self.shapes]
        out = (self.batch, self.q_heads, self.q_len)
        results = [("%o", _tensor((*out, self.value_dim), self.dtype))]
        attributes: list[str] = []
        if self.mask is not None:
            attributes.append(f"mask = {mask_text(self.mask)}")
        for name in ("scale", "softcap", "score_bound"):
            if (value := getattr(self, name)) is not None:
                attributes.append(f"{name} = {float(value)!r} : f32")
        if self.lse:
            attributes.append("lse")
            results.append(("%lse", _tensor(out, "f32")))
        if self.qk is not None:
            attributes.append(f'qk = "{self.qk}"')
            results.append(("%s", _tensor((*out, self.kv_len), self.dtype)))
        functions = {
            "mask_mod": None if self.hide is None else predicate_text(self.hide),
            "score_mod": None if self.score is None else function_text(self.score),
            "prob_mod": None if self.prob is None else function_text(self.prob),
        }
        regions = "".join(f"\n      {word} {text}" for word, text in functions.items() if text)
        given = ", ".join(f"{names[i]}: {types[i]}" for i in self.given)
        values_of = self.arguments() if self.constants else []
        constants = "".join(
            f"  {names[i]} = arith.constant {dense(value, self.dtype)} : {types[i]}\n"
            for i, value in enumerate(values_of)
            if i not in self.given
        )
        inputs = "".join(f" {word}(%{word})" for word in extras)
        words = f"{{{', '.join(attributes)}}}{regions}"
        values, kinds = (", ".join(part) for part in zip(*results, strict=True))
        return f"""func.func @fuzz({given}) -> ({kinds}) {{
{constants}  {values} = fa.attention %q, %k, %v{inputs} {words}
      : {", ".join(types)} -> {kinds}
  func.return {values} : {kinds}
}}
"""

    @property
    def centred(self) -> bool:
        """Whether keys are stored less their mean."""
        return "smooth-keys" in self.prepare

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The passes up to placed tiles, one level a step: name of the level and pipeline."""
        prepare = [(PREPARED, self.prepare)] if self.prepare else []
        steps = [] if self.late else [*prepare]
        parts = f"parts={self.parts}" if self.parts else ""
        steps += [("grouped", _with("group-heads", parts))] if self.grouped else []
        steps.append(("tile", _with("tile", self.tile)))
        if self.fuse is not None:
            steps.append(("fused", _with("fuse", self.fuse)))
        steps += prepare if self.late else []
        steps += [("streamed", "stream-softmax")] if self.stream else []
        steps += [("tabulated", "tabulate")] if self.tabulate else []
        if self.map is not None:
            steps.append(("mapped", _with("map", self.map)))
        if self.slide:
            steps.append(("slid", "slide-keys"))
        steps.append(("specialized", "specialize-masks"))
        steps += [("trimmed", "trim-tiles")] if self.trim else []
        if self.schedule is not None:
            steps.append(("scheduled", _with("schedule-rows", self.schedule)))
        steps.append(("quantized", _with("quantize", self.quantize)))
        steps.append(("allocated", "allocate-sram"))
        clean = ",cse,canonicalize,dce" if self.clean else ""
        return [(level, passes + clean) for level, passes in steps]

    @property
    def pipeline(self) -> str:
        """The passes from attention to instructions."""
        return ",".join([*(passes for _, passes in self.steps), self.last_step])

    @property
    def last_step(self) -> str:
        """The pass from placed tiles to instructions."""
        return _with("lower-to-isa", self.lower)

    @property
    def settings_text(self) -> str | None:
        """The settings file of a machine that is no preset."""
        if not self.settings:
            return None
        tables = copy.deepcopy(tomllib.loads((PRESETS / f"{self.machine}.toml").read_text()))
        transactional = tables["TRANSACTIONAL"]
        roles = {"kv": ("HBM_M_WEIGHT_TYPE", "HBM_M_KV_TYPE", "HBM_V_KV_TYPE")}
        roles["act"] = ("HBM_V_ACT_TYPE",)
        for key, value in self.settings.items():
            for name in roles.get(key, ()):
                transactional["PRECISION"][name] = FORMATS[value]
            if key in transactional["LATENCY"]:
                transactional["LATENCY"][key] = dict.fromkeys(("dc_lib_en", "dc_lib_dis"), value)
            elif key not in roles:
                transactional["CONFIG"][key] = {"value": value}
        return toml_text(tables)


def _with(name: str, options: str) -> str:
    return f"{name}{{{options}}}" if options else name


def _tensor(shape: tuple[int, ...], element: str) -> str:
    return f"tensor<{'x'.join(map(str, shape))}x{element}>"


def _extremes(bias: NDArray[np.float32], random: np.random.Generator) -> None:
    """Put what is hard to store beside ordinary values into a bias, often into each block."""
    for value, often in ((-1e30, 0.1), (1e-39, 0.1), (-1e-39, 0.1), (-np.inf, 0.1)):
        bias[random.random(bias.shape) < often] = value
    rows = random.random(bias.shape[:3]) < 0.1
    # One key that all others are nothing beside.
    bias[rows, random.integers(bias.shape[3])] = 1e30


def dense(values: NDArray[np.float32], element: str) -> str:
    """A constant of the bits of its elements."""
    return f'dense<"0x{values.astype(NUMPY[element]).tobytes().hex().upper()}">'


def mask_text(mask: list[Any]) -> str:
    """A mask as an attribute of the `fa` dialect."""
    kind, given = mask
    if kind == "all_of":
        return f"#fa.all_of<[{', '.join(map(mask_text, given['masks']))}]>"
    if kind == "ragged":
        inside = "".join(f", {mask_text(part)}" for part in given["masks"])
        return f"#fa.ragged<{given['lengths']}{inside}>"
    if kind == "documents":
        offset = "" if "offset" not in given else f", offset = {given['offset']}"
        return f"#fa.documents<{given['lengths']}{offset}>"
    text = ", ".join(f"{name} = {value}" for name, value in given.items())
    return f"#fa.{kind}<{text}>" if text else f"#fa.{kind}"
