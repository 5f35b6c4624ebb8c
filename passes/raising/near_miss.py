"""Saying why what looks like attention is left as it is."""

from __future__ import annotations

from ...dialects.foreign.graph import Node


class NearMiss(Exception):
    """Something that an attention would have to be and is not; `node` is where."""

    def __init__(self, reason: str, node: Node):
        super().__init__(reason)
        self.reason = reason
        self.node = node
