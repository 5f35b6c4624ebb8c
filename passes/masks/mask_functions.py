"""What a mask with a `mask_mod` function does to tiles, evaluated with numpy.

Evaluated for a band of queries at a time, in blocks of keys: nothing of the size of the scores
exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING

from xdsl.ir import Region
from xdsl.printer import Printer

from ...diagnostics import OpError
from ...dialects.fa.masks import MaskAttr
from .tile_mask import Stretch, TileMask, band_of, merged, run_stretches, uniform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bits = NDArray[np.bool_]

BLOCK_ELEMENTS = 1 << 18
"""So many elements of a mask are evaluated at once, or one tile if that is more."""


@dataclass(frozen=True)
class MaskFunction:
    """A `mask_mod` region; equal where the text of the region is."""

    text: str
    region: Region = field(compare=False)

    @classmethod
    def of(cls, region: Region) -> MaskFunction:
        """The function of a region that stays as it is from now on.

        Raises OpError at an operation that has no value at compile time.
        """
        from ...dialects.interpreters.scalar_functions import FunctionError, check_meaning

        for op in region.block.ops:
            try:
                check_meaning(op)
            except FunctionError as error:
                raise OpError(op, str(error)) from None
        text = StringIO()
        Printer(text).print_region(region)
        return cls(text.getvalue(), region)

    def uses(self, argument: int) -> bool:
        """Whether the function depends on argument 0 to 3: batch, head, query, key."""
        return bool(self.region.block.args[argument].uses)


@dataclass(frozen=True)
class Shown:
    """What one `fa.mask` shows: the mask attribute, resolved, and the function, and the keys."""

    kv_len: int
    mask: MaskAttr | None
    function: MaskFunction | None = None

    @property
    def by_batch(self) -> bool:
        """Whether batches can differ."""
        mask = self.mask is not None and self.mask.batched
        return mask or (self.function is not None and self.function.uses(0))

    @property
    def by_head(self) -> bool:
        """Whether heads can differ."""
        return self.function is not None and self.function.uses(1)

    @property
    def by_query(self) -> bool:
        """Whether queries can differ."""
        return self.mask is not None or (self.function is not None and self.function.uses(2))

    def stretches(
        self, batch: int, head: int, row: int, rows: int, cols: int, starts: range
    ) -> list[Stretch]:
        """The masks of the tiles from query `row` on that start at `starts`, neighbours merged."""
        if self.function is None:
            return run_stretches(rows, cols, row, starts, self.kv_len, self.mask, batch)
        if starts.step != cols:
            singles = (range(start, start + cols, cols) for start in starts)
            return merged(
                part
                for single in singles
                for part in self.stretches(batch, head, row, rows, cols, single)
            )
        import numpy as np

        found: list[Stretch] = []
        for _, seen in self._blocks(batch, head, row, rows, cols, starts):
            tiles = seen.reshape(rows, -1, cols)
            counts: list[int] = np.count_nonzero(tiles, (0, 2)).tolist()
            for number, count in enumerate(counts):
                if 0 < count < rows * cols:
                    found.append((1, tile_of(tiles[:, number])))
                else:
                    found.append((1, uniform(rows, cols, (0, cols) if count else (0, 0))))
        return merged(found)

    def look(
        self, place: tuple[int, int, int], shape: tuple[int, int], starts: range
    ) -> list[Stretch]:
        """`stretches` at (batch, head, row) of tiles of a shape."""
        return self.stretches(*place, *shape, starts)

    def band(self, row: int, rows: int) -> tuple[int, int]:
        """The first key that some of `rows` queries see in the first head of the first batch, and
        the first after all that are seen; (0, 0) where none is."""
        if self.function is None:
            runs = [run for run in band_of(self.mask, 0, row, rows, self.kv_len).runs if run[1]]
            return (min(run[0] for run in runs), max(run[1] for run in runs)) if runs else (0, 0)
        import numpy as np

        keys: list[int] = []
        for start, bits in self.seen(0, 0, row, rows):
            found = np.flatnonzero(bits.any(0))
            if len(found):
                keys += [start + int(found[0]), start + int(found[-1]) + 1]
        return (keys[0], keys[-1]) if keys else (0, 0)

    def tile(self, batch: int, head: int, row: int, col: int, rows: int, cols: int) -> TileMask:
        """The mask of one tile."""
        return self.stretches(batch, head, row, rows, cols, range(col, col + cols, cols))[0][1]

    def every_row_sees(self, batch: int, head: int, row: int, rows: int) -> bool:
        """Whether each of `rows` queries sees some key."""
        if self.function is None:
            return (0, 0) not in band_of(self.mask, batch, row, rows, self.kv_len).runs
        import numpy as np

        sees = np.zeros(rows, np.bool_)
        for _, seen in self.seen(batch, head, row, rows):
            sees |= seen.any(1)
            if sees.all():
                return True
        return False

    def seen(self, batch: int, head: int, row: int, rows: int) -> Iterator[tuple[int, Bits]]:
        """What queries see by the function, [rows, keys], with the first key of each block."""
        return self._blocks(batch, head, row, rows, 1, range(self.kv_len))

    def _blocks(
        self, batch: int, head: int, row: int, rows: int, cols: int, starts: range
    ) -> Iterator[tuple[int, Bits]]:
        """What is seen, [rows, keys], some whole tiles of keys at a time, with the first key."""
        import numpy as np

        from ...dialects.interpreters.scalar_functions import evaluate_mask

        assert self.function is not None
        queries = np.arange(row, row + rows)
        count = max(1, BLOCK_ELEMENTS // (rows * cols))
        runs = np.array(band_of(self.mask, batch, row, rows, self.kv_len).runs)
        for first in range(0, len(starts), count):
            part = starts[first : first + count]
            keys = np.arange(part.start, part[-1] + cols)
            seen = evaluate_mask(self.function.region, batch, head, queries, keys)
            yield part.start, seen & (keys >= runs[:, :1]) & (keys < runs[:, 1:])


def tile_of(seen: Bits) -> TileMask:
    """The mask of a tile from what is seen, [rows, cols]: runs where each row has one."""
    import numpy as np

    cols = seen.shape[1]
    counts, first = seen.sum(1), seen.argmax(1)
    last = cols - seen[:, ::-1].argmax(1)
    if ((counts == 0) | (last - first == counts)).all():
        runs = zip(first.tolist(), last.tolist(), counts.tolist(), strict=True)
        return TileMask(cols, tuple((a, b) if count else (0, 0) for a, b, count in runs))
    return TileMask(cols, (), np.packbits(seen).tobytes())
