"""Mask tiles that are loaded from HBM: each distinct one once, those of one shape in one tensor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .tile_mask import HIDDEN, TileMask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Shape = tuple[int, int]
"""Rows and columns of a tile."""


@dataclass
class MaskTables:
    """The patterns of tiles of each shape, numbered in the order in which they are met."""

    patterns: dict[Shape, dict[bytes, int]] = field(default_factory=dict[Shape, dict[bytes, int]])

    def index(self, shape: Shape, mask: TileMask) -> int:
        """The number of a tile among those of its shape."""
        numbers = self.patterns.setdefault(shape, {})
        return numbers.setdefault(mask.pattern, len(numbers))

    def values(self, shape: Shape) -> NDArray[np.float32]:
        """The tiles of a shape, [tiles, rows, cols]: 0 what is seen, HIDDEN what is not."""
        import numpy as np

        rows, cols = shape
        packed = np.array([np.frombuffer(p, np.uint8) for p in self.patterns[shape]])
        seen = np.unpackbits(packed, axis=1, count=rows * cols)
        hidden = np.where(seen, np.float32(0), np.float32(HIDDEN))
        return hidden.reshape(-1, rows, cols)
