"""The native engine of the simulator, built where there is a C compiler and left out where not.

All else about the package stands in `pyproject.toml`. The engine is a shared library that ctypes
loads; it includes no header of Python's, and one build serves every version.
"""

from hashlib import sha256
from pathlib import Path

from setuptools import Extension, setup

FOLDER = Path("machine/simulator/native")


def source_digest() -> str:
    """`source_digest` of machine/simulator/native/library.py, which cannot be imported yet."""
    digest = sha256()
    for path in sorted(path for path in FOLDER.iterdir() if path.suffix in (".c", ".h")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


setup(
    ext_modules=[
        Extension(
            "fa.machine.simulator.native._engine",
            sources=sorted(str(path) for path in FOLDER.glob("*.c")),
            depends=sorted(str(path) for path in FOLDER.glob("*.h")),
            define_macros=[("FA_SOURCES", f'"{source_digest()}"')],
            # Sums are the machine's: no fused multiplications, no other order.
            extra_compile_args=[
                *("-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
                *("-fvisibility=hidden", "-Wno-psabi"),
            ],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
