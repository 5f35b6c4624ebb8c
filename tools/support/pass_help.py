"""The passes and their options as `--help` shows them, in front of everything else."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from typing import get_type_hints

from ...frontends.pipeline_text import describe
from ...passes.pipelines import GROUPS
from ...universe import PASSES, pass_class
from .pass_debugging import TITLE

OURS = frozenset(
    {
        "passes",
        "pass_pipeline",
        "machine",
        "constant",
        "crash_reproducer",
        "run_reproducer",
        "output_file",
        "target",
        "help",
        "version",
    }
)
"""The flags that `fa-opt` shows in front of those that only xDSL's driver explains."""

_SECTIONS = (
    ("passes on modules", ("fa.passes.modules.",)),
    ("passes on attention", ("fa.passes.tensors.", "fa.passes.tiling.tile")),
    ("passes on tiles", ("fa.passes.",)),
    ("passes on instructions", ("fa.lowering.",)),
)


def pass_help() -> str:
    """This compiler's passes by what they work on, in the order of a pipeline, with the first
    sentence of each and its options with their defaults."""
    lines = ['passes, each a flag, --NAME or --NAME="key=value ...":']
    left = dict(PASSES)
    groups = {name: left.pop(name) for name in GROUPS}
    for title, homes in _SECTIONS:
        chosen = [name for name, home in left.items() if home.startswith(homes)]
        lines += ["", f"{title}:"]
        for name in chosen:
            lines += _pass(name)
            del left[name]
    lines += ["", "groups of passes:"]
    for name in groups:
        lines += _pass(name)
    return "\n".join(lines)


def _pass(name: str) -> list[str]:
    cls = pass_class(name, name)
    summary = (cls.__doc__ or "").strip().partition("\n")[0]
    lines, hints = [f"  --{name:<20} {summary}"], get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if field.init and field.name != "name":
            default = field.default
            shown = (
                "" if default in (None, dataclasses.MISSING, "") else f"; default: {_text(default)}"
            )
            key = field.name.replace("_", "-")
            lines.append(f"      {key}={describe(hints[field.name])}{shown}")
    return lines


def _text(value: object) -> str:
    """A default as it is written."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def arrange(parser: argparse.ArgumentParser, helps: Mapping[str, str]) -> None:
    """Put xDSL's flags last and under a title of their own, with `helps` by destination in place
    of what it says."""
    groups = parser._action_groups  # pyright: ignore[reportPrivateUsage]
    options = next(group for group in groups if group.title in ("options", "optional arguments"))
    theirs = parser.add_argument_group("options of xDSL's driver")
    for action in list(options._group_actions):  # pyright: ignore[reportPrivateUsage]
        action.help = helps.get(action.dest, action.help)
        if action.dest not in OURS:
            options._group_actions.remove(action)  # pyright: ignore[reportPrivateUsage]
            theirs._group_actions.append(action)  # pyright: ignore[reportPrivateUsage]
    groups.sort(key=lambda group: (group is theirs, group.title == TITLE))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = f'{parser.prog} [--PASS[="key=value ..."]]... [options] [input_file]'
