"""Throughput of quantize and dequantize, in MB of float32 a second on one core, and errors.

python bench/mx.py [MEGABYTES]

The ceiling is what ml_dtypes' cast of the elements alone takes. Errors are relative L2 errors of
normal values, by rule.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import ml_dtypes
import numpy as np
from fa.machine import mx

CASTS = {
    "e4m3": ml_dtypes.float8_e4m3fn,
    "e5m2": ml_dtypes.float8_e5m2,
    "e3m2": ml_dtypes.float6_e3m2fn,
    "e2m3": ml_dtypes.float6_e2m3fn,
    "e2m1": ml_dtypes.float4_e2m1fn,
}
FORMATS = (
    ("mxfp8-e4m3:32", {"fmt": "e4m3"}),
    ("mxfp8-e5m2:32", {"fmt": "e5m2"}),
    ("mxfp6-e3m2:32", {"fmt": "e3m2"}),
    ("mxfp6-e2m3:32", {"fmt": "e2m3"}),
    ("mxfp4:32", {"fmt": "e2m1"}),
    ("nvfp4:16", {"fmt": "e2m1", "block": 16, "scale": "e4m3"}),
    ("mxint8:32", {"fmt": "int8"}),
    ("plena, nearest:8", {"fmt": "e4m3", "block": 8, "variant": "plena", "rounding": "nearest"}),
    ("plena, store:8", {"fmt": "e4m3", "block": 8, "variant": "plena"}),
)


def rate(work: Callable[[], object], size: int) -> float:
    """MB a second, the best of three runs, by processor time."""
    work()
    times: list[float] = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return size / min(times) / 1e6


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 32
    values = np.random.default_rng(0).standard_normal(megabytes << 18).astype(np.float32)
    print(f"{'format':<18}{'quantize':>10}{'cast':>8}{'dequantize':>12}{'cast back':>11}  MB/s")
    for name, options in FORMATS:
        blocks = mx.quantize(values, **options)
        row = [rate(lambda o=options: mx.quantize(values, **o), values.nbytes)]
        row.append(rate(lambda b=blocks: mx.dequantize(b), values.nbytes))
        kind = CASTS.get(options["fmt"])
        casts = ["-", "-"]
        if kind is not None:
            cast = values.astype(kind)
            casts = [
                f"{rate(lambda k=kind: values.astype(k), values.nbytes):.0f}",
                f"{rate(lambda c=cast: c.astype(np.float32), values.nbytes):.0f}",
            ]
        print(f"{name:<18}{row[0]:>10.0f}{casts[0]:>8}{row[1]:>12.0f}{casts[1]:>11}")
    print(f"\n{'relative error':<18}" + "".join(f"{rule:>10}" for rule in mx.RULES))
    sample = values[: 1 << 20]
    norm = np.linalg.norm(sample)
    for name, options in FORMATS:
        if name.endswith("store:8") or options.get("scale") == "e4m3":
            error = np.linalg.norm(mx.dequantize(mx.quantize(sample, **options)) - sample) / norm
            print(f"{name:<18}{error:>10.5f}")
            continue
        errors = [
            np.linalg.norm(mx.dequantize(mx.quantize(sample, **options, rule=rule)) - sample) / norm
            for rule in mx.RULES
        ]
        print(f"{name:<18}" + "".join(f"{error:>10.5f}" for error in errors))


if __name__ == "__main__":
    main()
