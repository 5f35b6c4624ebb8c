"""Bars as SVG: the error of each policy, all of it and by source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10

COLOURS = ("#333333", "#1b6ca8", "#2a9d8f", "#e9a03b", "#c8553d", "#7b5ea7", "#8a8d91", "#b0783a")

WIDTH, PLOT_HEIGHT, LEFT, TOP, BOTTOM = 960, 320, 64, 48, 64


def error_plot(title: str, errors: Mapping[str, Mapping[str, float]]) -> str:
    """An SVG drawing: a group of bars for each policy, one for each source, on a log scale.

    `errors` maps a policy to relative errors by source; all have the same sources.
    """
    sources = list(next(iter(errors.values())))
    values = [value for row in errors.values() for value in row.values() if value > 0]
    low = floor(log10(min(values, default=1e-3)))
    high = max(floor(log10(max(values, default=1.0))) + 1, low + 1)
    height = TOP + PLOT_HEIGHT + BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
        *_grid(low, high),
        *_bars(errors, sources, low, high),
        *_legend(sources),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _y(value: float, low: int, high: int) -> float:
    return TOP + PLOT_HEIGHT * (high - log10(value)) / (high - low)


def _grid(low: int, high: int) -> list[str]:
    lines: list[str] = []
    for power in range(low, high + 1):
        y = _y(10.0**power, low, high)
        lines.append(
            f'<line x1="{LEFT}" x2="{WIDTH - 16}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>'
        )
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>')
    return lines


def _bars(
    errors: Mapping[str, Mapping[str, float]], sources: Sequence[str], low: int, high: int
) -> list[str]:
    lines: list[str] = []
    group = (WIDTH - 16 - LEFT) / len(errors)
    bar = group * 0.8 / len(sources)
    bottom = TOP + PLOT_HEIGHT
    for number, (policy, row) in enumerate(errors.items()):
        left = LEFT + group * (number + 0.1)
        for index, source in enumerate(sources):
            value = row[source]
            if value <= 0:
                continue
            y = _y(value, low, high)
            lines.append(
                f'<rect x="{left + index * bar:.1f}" y="{y:.1f}" width="{bar * 0.9:.1f}" '
                f'height="{bottom - y:.1f}" fill="{COLOURS[index % len(COLOURS)]}">'
                f"<title>{escape(policy)}, {escape(source)}: {value:.3g}</title></rect>"
            )
        lines.append(
            f'<text x="{left + group * 0.4:.1f}" y="{bottom + 18}" text-anchor="middle">'
            f"{escape(policy)}</text>"
        )
    return lines


def _legend(sources: Sequence[str]) -> list[str]:
    lines: list[str] = []
    y = TOP + PLOT_HEIGHT + 44
    for index, source in enumerate(sources):
        x = LEFT + index * 110
        colour = COLOURS[index % len(COLOURS)]
        lines.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>')
        lines.append(f'<text x="{x + 18}" y="{y}">{escape(source)}</text>')
    return lines
