"""Lengths at run time: which entries of INT_MEM the host puts them into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Lengths:
    """An argument of lengths, and where it lies in INT_MEM.

    Entry `entry` + b holds the length of batch b, of `count` batches, rounded up to a multiple of
    `granule`, which is also the least; with a granule of 1 the length itself, 0 included. `most` is
    the largest length.
    """

    argument: int
    entry: int
    count: int
    most: int
    granule: int
    first: int = 0
    width: int = 0
    """Above 0: the entries hold how many are valid of the `width` keys from the `first` on of the
    last `granule` keys, of the length rounded up."""

    @property
    def end(self) -> int:
        """The first entry behind them."""
        return self.entry + self.count

    def values(self, lengths: Sequence[int]) -> list[int]:
        """What the entries hold. Raises ValueError for lengths that there cannot be."""
        for batch, length in enumerate(lengths):
            if not 0 <= length <= self.most:
                raise ValueError(
                    f"the length of batch {batch} is {length}; there is room for {self.most} keys, "
                    "and 0 is the least"
                )
        if self.granule == 1:
            return list(lengths)
        ends = [max(1, -(-length // self.granule)) * self.granule for length in lengths]
        if not self.width:
            return ends
        starts = [end - self.granule + self.first for end in ends]
        pairs = zip(lengths, starts, strict=True)
        return [min(max(length - start, 0), self.width) for length, start in pairs]

    def to_json(self) -> dict[str, int]:
        """The entry of a manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Lengths:
        """What `to_json` gave; raises ValueError where it is damaged."""
        names = set(cls.__dataclass_fields__)
        if set(entry) != names:
            raise ValueError(f"lengths have {', '.join(sorted(names))}")
        least = dict.fromkeys(names, 0) | {"count": 1, "most": 1, "granule": 1}
        for name, number in entry.items():
            if type(number) is not int or not least[name] <= number < 1 << 31:
                raise ValueError(f"'{name}' of lengths is an integer from {least[name]} on")
        return cls(**entry)
