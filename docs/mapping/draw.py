"""Draws the pictures of docs/mapping.md: SVG on a light card, readable on light and dark pages.

python docs/mapping/draw.py            write the files beside this one
python docs/mapping/draw.py --check    exit with status 1 unless they are there as they are
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent

STREAMS = ("#9ecae8", "#f6c48a", "#a9d8a4", "#d9b8e3")
"""Colours of what goes to the four accumulators, or belongs to four rows."""

PLAIN, FADED, MARKED, INK, CARD = "#e4e4e0", "#f1f1ee", "#f2a6a0", "#24292f", "#fcfcfa"


class Picture:
    """An SVG of rectangles, texts and arrows; lengths in pixels."""

    def __init__(self, width: int, height: int, title: str):
        self.width = width
        self.height = height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img" aria-label="{escape(title)}" '
            f'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="{INK}">',
            f"<title>{escape(title)}</title>",
            '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            f'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="{INK}"/></marker>'
            "</defs>",
            f'<rect width="{width}" height="{height}" rx="8" fill="{CARD}" stroke="#c8c8c2"/>',
        ]

    def box(self, x: int, y: int, w: int, h: int, fill: str, label: str = "") -> None:
        """A rectangle with a label in its middle."""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}" stroke="#6b6b66"/>'
        )
        if label:
            self.text(x + w // 2, y + h // 2 + 4, label, "middle")

    def text(self, x: int, y: int, label: str, anchor: str = "start", bold: bool = False) -> None:
        """A line of text."""
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(
            f'<text x="{x}" y="{y}" text-anchor="{anchor}"{weight}>{escape(label)}</text>'
        )

    def arrow(self, *points: tuple[int, int], dashed: bool = False) -> None:
        """An arrow along points."""
        path = "M" + "L".join(f"{x} {y}" for x, y in points)
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{INK}"{dash} marker-end="url(#end)"/>'
        )

    def svg(self) -> str:
        """The file's text."""
        return "\n".join([*self.parts, "</svg>", ""])


def packed_queries() -> Picture:
    """Q K^T: chunks of four rows side by side."""
    p = Picture(800, 320, "Queries packed for M_BTMV")
    p.text(20, 26, "Q, as the user gives it", bold=True)
    for row in range(4):
        for chunk in range(4):
            p.box(44 + 38 * chunk, 40 + 26 * row, 38, 26, STREAMS[row], f"{row}.{chunk}")
        p.text(20, 57 + 26 * row, f"q{row}")
    p.text(44, 162, "HLEN columns make a chunk")
    p.arrow((206, 92), (262, 92))
    p.text(214, 82, "host")
    p.text(272, 26, "packed, in HBM and vector SRAM", bold=True)
    for chunk in range(4):
        for row in range(4):
            p.box(272 + 60 * row, 40 + 26 * chunk, 60, 26, STREAMS[row], f"{row}.{chunk}")
    p.text(272, 162, "lane block h of row c: chunk c of q h")
    p.text(560, 26, "MLEN keys in matrix SRAM", bold=True)
    for chunk in range(4):
        p.box(560 + 40 * chunk, 40, 40, 104, PLAIN, f"k.{chunk}")
    p.text(560, 162, "slice c: the columns of chunk c")
    p.text(20, 196, "for each chunk c: M_BTMV slice c, vector row c", bold=True)
    for row in range(4):
        y = 210 + 24 * row
        p.box(44, y, 60, 20, STREAMS[row], f"{row}.c")
        p.text(112, y + 14, "x slice cᵀ")
        p.arrow((180, y + 10), (262, y + 10))
        p.box(272, y, 240, 20, STREAMS[row], f"accumulator {row} += 0.25 q{row} kᵀ  (f32)")
    p.arrow((516, 258), (612, 258))
    p.text(522, 250, "M_BMV_WO")
    for row in range(4):
        p.box(620, 210 + 24 * row, 160, 20, STREAMS[row], f"row {row} of S: MLEN scores")
    return p


def shifted_slices() -> Picture:
    """P V: slice after slice into the last lane block."""
    p = Picture(800, 310, "P V by shifted slices with M_BTMV")
    p.text(20, 26, "a row of P: MLEN keys in four lane blocks", bold=True)
    p.text(430, 26, "Vᵀ in matrix SRAM, slices of HLEN keys", bold=True)
    for block in range(4):
        p.box(430 + 44 * block, 36, 44, 60, STREAMS[block], f"v{block}")
    p.text(612, 70, "rows: columns of V")
    for step in range(4):
        y = 40 + 50 * step
        for block in range(4):
            content = block - step
            shown = "" if content < 0 else f"p{content}"
            last = block == 3
            fill = STREAMS[content] if last else FADED
            p.box(20 + 50 * block, y, 50, 26, fill, shown)
        name = "as it is" if step == 0 else f"V_SHFT_V {step} x HLEN"
        p.text(226, y + 17, name)
        y_call = 118 + 26 * step
        p.arrow((348, y + 13), (424, y_call + 11))
        p.box(
            430,
            y_call,
            230,
            22,
            STREAMS[3 - step],
            f"M_BTMV slice {3 - step}: += p{3 - step} v{3 - step}",
        )
    p.arrow((664, 169), (700, 169), (700, 250), (664, 250))
    for row in range(4):
        x = 430 + 58 * row
        p.box(x, 238, 58, 24, FADED if row < 3 else MARKED, f"acc {row}")
    p.text(430, 282, "M_BMV_WO writes four rows: the last is 0.25 P V,")
    p.text(430, 298, "the next write-out covers the others.")
    p.text(20, 250, "Blocks in front of the last one are multiplied too;")
    p.text(20, 266, "what they give belongs to no sum and is not used.")
    return p


def packed_rows() -> Picture:
    """Four rows of P that change their lane blocks by a constant tile, then P V on them."""
    p = Picture(800, 300, "Rows of P that share lanes")
    p.text(20, 26, "four rows of P", bold=True)
    p.text(470, 26, "four packed rows", bold=True)
    for row in range(4):
        p.text(20, 58 + 30 * row, f"query {row}")
        p.text(470, 58 + 30 * row, f"keys {16 * row}-{16 * row + 15}")
        for block in range(4):
            p.box(80 + 62 * block, 40 + 30 * row, 62, 26, STREAMS[row], f"{row}{block}")
            p.box(550 + 56 * block, 40 + 30 * row, 56, 26, STREAMS[block], f"{block}{row}")
    for block in range(4):
        p.text(111 + 62 * block, 180, f"keys {16 * block}-", "middle")
        p.text(578 + 56 * block, 180, f"query {block}", "middle")
    p.arrow((336, 98), (460, 98))
    p.text(398, 78, "M_BTMV lane s,", "middle")
    p.text(398, 92, "unit tile, row s", "middle")
    p.text(398, 116, "write-out", "middle")
    p.text(20, 214, "Entry sb: the probabilities of query s for the b-th 16 keys of a panel.")
    p.text(
        20,
        236,
        "Rows by themselves take a pass through V for each of their four slices, packed ones",
    )
    p.text(
        20, 254, "a pass for all four queries. Their sum has the sums of four queries side by side."
    )
    p.text(
        20,
        276,
        "A pass multiplies by 0.25, and the tile is 4 times the unit matrix: bits are copied.",
    )
    return p


def row_groups() -> Picture:
    """M_MM and M_TMM: row blocks that share a column pointer."""
    p = Picture(800, 250, "M_MM on groups of row blocks")
    p.text(20, 26, "P (or Q) in vector SRAM", bold=True)
    for block in range(4):
        p.box(20, 40 + 36 * block, 150, 36, STREAMS[block], f"BLEN rows, pointer {block}")
    p.text(20, 204, "pointers held in registers")
    p.text(230, 26, "V (or Kᵀ) in matrix SRAM", bold=True)
    for column in range(8):
        fill = MARKED if column == 2 else PLAIN if column < 5 else FADED
        p.box(230 + 26 * column, 40, 26, 144, fill)
    p.arrow((295, 200), (340, 200))
    p.text(230, 204, "pointer")
    p.text(346, 204, "+ BLEN x MLEN")
    p.text(230, 228, "pale columns are padding: of M_MM's result not computed")
    p.text(500, 26, "P V in vector SRAM", bold=True)
    for block in range(4):
        for column in range(5):
            fill = STREAMS[block] if column < 2 else MARKED if column == 2 else FADED
            p.box(500 + 26 * column, 40 + 36 * block, 26, 36, fill)
    p.text(640, 62, "M_MM, M_MM_WO")
    p.text(640, 98, "once for each")
    p.text(640, 114, "of the blocks:")
    p.text(640, 130, "results lie at")
    p.text(640, 146, "immediates")
    p.text(500, 204, "a step of the pointer serves the group")
    return p


def row_sums() -> Picture:
    """Row sums by a tile of ones."""
    p = Picture(800, 250, "Row sums with a tile of ones")
    p.text(20, 26, "a row of P", bold=True)
    for block in range(4):
        p.box(20 + 50 * block, 40, 50, 26, STREAMS[block], f"p{block}")
    p.text(260, 26, "ones, slice 0", bold=True)
    p.box(260, 36, 44, 60, PLAIN, "1")
    p.box(304, 36, 132, 60, FADED)
    p.text(20, 92, "M_BTMV, once for each panel of keys")
    p.arrow((440, 66), (496, 66))
    p.text(506, 26, "accumulators, f32", bold=True)
    for block in range(4):
        p.box(506, 36 + 24 * block, 230, 20, STREAMS[block], f"0.25 Σ p{block} in every lane")
    p.arrow((620, 134), (620, 164))
    p.text(628, 154, "write-out, 3 V_ADD_VV")
    p.box(506, 168, 230, 24, MARKED, "0.25 l in every lane")
    p.arrow((500, 180), (440, 180))
    p.text(20, 176, "1 / (0.25 l) by V_RECI_V, times O by V_MUL_VV;")
    p.text(20, 194, "the factors of 0.25 are put into one multiplication,")
    p.text(20, 212, "or cancel: P V by M_BTMV has one too.")
    return p


def sum_columns() -> Picture:
    """Row sums by columns of ones in V."""
    p = Picture(800, 210, "Row sums by columns of ones in V")
    p.text(20, 26, "a row of P", bold=True)
    p.box(20, 40, 150, 26, STREAMS[0], "MLEN keys")
    p.text(190, 58, "x")
    p.text(220, 26, "Vᵀ with rows of ones in front", bold=True)
    p.box(220, 36, 180, 40, PLAIN, "dv rows of ones")
    p.box(220, 76, 180, 40, STREAMS[1], "dv rows of Vᵀ")
    p.arrow((404, 76), (450, 76))
    p.text(460, 26, "one row of results, f32 until it is written", bold=True)
    p.box(460, 62, 130, 28, PLAIN, "0.25 l, dv times")
    p.box(590, 62, 130, 28, STREAMS[1], "0.25 P V")
    p.arrow((525, 92), (525, 130), (590, 130))
    p.text(460, 158, "V_RECI_V, V_SHFT_V by dv lanes")
    p.box(590, 118, 130, 22, MARKED, "4 / l")
    p.text(
        20,
        178,
        "V_MUL_VV divides; the host crops the result. No sums are computed apart, and the factor",
    )
    p.text(20, 194, "of 0.25 cancels.")
    return p


def group_heads() -> Picture:
    """Query heads of a group as rows of one tile."""
    p = Picture(800, 220, "Query heads of a group as rows of one tile")
    p.text(20, 26, "four query heads", bold=True)
    for head in range(4):
        p.box(20, 40 + 36 * head, 120, 26, STREAMS[head], f"head {head}: q0 q1 ...")
    p.arrow((150, 108), (210, 108))
    p.text(160, 98, "host")
    p.text(220, 26, "one tile", bold=True)
    for head in range(4):
        p.box(220, 40 + 34 * head, 150, 34, STREAMS[head], f"block of head {head}")
    p.text(390, 26, "keys and values of their KV head", bold=True)
    p.box(390, 40, 170, 34, PLAIN, "K, loaded once")
    p.box(390, 82, 170, 34, PLAIN, "V, loaded once")
    p.text(390, 142, "A mask sees which query a row is")
    p.text(390, 158, "(fa.grouped), not where it stands.")
    p.text(590, 58, "decode: a row of each")
    p.text(590, 74, "head fills the lanes of")
    p.text(590, 90, "M_BTMV, not one in four")
    p.text(20, 204, "Results go back to heads at the boundary, by the host.")
    return p


def head_parts() -> Picture:
    """Heads of a group in parts that share tiles."""
    p = Picture(800, 210, "Heads of a group in parts that share tiles")
    p.text(20, 26, "128 heads, one query each", bold=True)
    for part, heads in enumerate(("heads 0 to 43", "heads 44 to 87", "heads 88 to 127, padding")):
        p.box(20, 40 + 44 * part, 190, 38, STREAMS[part], heads)
        p.arrow((210, 59 + 44 * part), (270, 59 + 44 * part))
        p.box(280, 40 + 44 * part, 120, 38, STREAMS[part], f"tile {part}: 44 rows")
    p.text(280, 26, "rows of one head", bold=True)
    p.text(430, 26, "vector SRAM, for each row", bold=True)
    for number, (name, rows) in enumerate(
        (("queries", "9"), ("scores", "1"), ("accumulator", "8"), ("P V, if it needs a place", "8"))
    ):
        p.box(430, 40 + 32 * number, 190, 26, PLAIN, name)
        p.text(630, 58 + 32 * number, f"{rows} of 64 lanes")
    p.text(
        20,
        198,
        "Keys and values are loaded once for each tile: three times, where each head by itself",
    )
    p.text(560, 198, "takes 128.")
    return p


def row_loop() -> Picture:
    """What stays in registers while a row is done."""
    p = Picture(800, 300, "One iteration of a row loop")
    p.text(20, 26, "vector SRAM", bold=True)
    p.text(290, 26, "instructions on row i", bold=True)
    p.text(560, 26, "registers", bold=True)
    steps = (
        ("V_RED_MAX", "f: m'"),
        ("S_SUB_FP, S_EXP_FP", "f: alpha"),
        ("V_SUB_VF, V_EXP_V", "f: m'"),
        ("V_RED_SUM, or M_BTMV on ones", "f: l', or a row of scratch"),
        ("M_BTMV, V_SHFT_V, M_BMV_WO", "gp: slices of Vᵀ"),
        ("V_MUL_VF, V_ADD_VV", "f: alpha"),
        ("S_RECI_FP or V_RECI_V, V_MUL", "f: 1 / l'"),
    )
    for number, (name, register) in enumerate(steps):
        y = 40 + 30 * number
        p.box(290, y, 220, 22, PLAIN, name)
        p.box(560, y, 180, 22, STREAMS[1], register)
        if number + 1 < len(steps):
            p.arrow((400, y + 22), (400, y + 30))
    boxes = (
        (40, "S, row i", STREAMS[0]),
        (100, "P, row i, in place of S", STREAMS[0]),
        (160, "scratch: shifted P, P V", FADED),
        (205, "accumulator, row i", STREAMS[2]),
    )
    for y, label, fill in boxes:
        p.box(20, y, 190, 22, fill, label)
    p.arrow((210, 51), (286, 51))
    p.arrow((286, 111), (214, 111))
    p.arrow((210, 117), (286, 170))
    p.arrow((286, 174), (214, 174))
    p.arrow((210, 178), (286, 200))
    p.arrow((286, 208), (214, 216))
    p.text(
        20,
        268,
        "gp: a pointer to row i of each tile, a step of VLEN for each row; one index of the row's",
    )
    p.text(
        20, 284, "statistics in FP_MEM, which are read and written only if another loop needs them."
    )
    return p


def wide_tiles() -> Picture:
    """Wide key tiles, and what a causal mask cuts off."""
    p = Picture(800, 270, "Wide key tiles, trimmed to what a causal mask shows")
    for left, title, wide in (
        (20, "a maximum for every 64 keys", False),
        (400, "one for all keys", True),
    ):
        p.text(left, 26, title, bold=True)
        for row in range(4):
            y = 40 + 40 * row
            for col in range(4):
                p.parts.append(
                    f'<rect x="{left + 60 * col}" y="{y}" width="60" height="40" fill="none" '
                    'stroke="#b5b5ae" stroke-dasharray="3 3"/>'
                )
            if wide:
                p.box(left, y, 60 * (row + 1), 40, STREAMS[row], f"{64 * (row + 1)} keys")
            else:
                for col in range(row):
                    p.box(left + 60 * col, y, 60, 40, STREAMS[row], "64")
            if wide:
                p.box(left + 60 * row + 52, y, 8, 40, MARKED)
            else:
                p.box(left + 60 * row, y, 60, 40, MARKED, "64")
            steps = 1 if wide else row + 1
            p.text(
                left + 250, 64 + 40 * row, f"{steps} maximum" if steps == 1 else f"{steps} maxima"
            )
    p.text(
        20,
        226,
        "coloured: seen by a row; red: where the mask cuts; dashed: not computed",
    )
    p.text(
        20,
        248,
        "256 queries and keys, tiles of 64 queries: rescalings of the accumulator 6 against none,",
    )
    p.text(20, 264, "the sum over all keys of a row one accumulation in f32.")
    return p


PICTURES: dict[str, Callable[[], Picture]] = {
    "packed_queries": packed_queries,
    "shifted_slices": shifted_slices,
    "packed_rows": packed_rows,
    "row_groups": row_groups,
    "row_sums": row_sums,
    "sum_columns": sum_columns,
    "group_heads": group_heads,
    "head_parts": head_parts,
    "row_loop": row_loop,
    "wide_tiles": wide_tiles,
}


def main() -> None:
    """Write the pictures, or check them."""
    for name, draw in PICTURES.items():
        path, text = HERE / f"{name}.svg", draw().svg()
        if "--check" not in sys.argv[1:]:
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            sys.exit(f"{path} is out of date; run: python docs/mapping/draw.py")


if __name__ == "__main__":
    main()
