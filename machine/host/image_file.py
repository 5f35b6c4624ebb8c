"""Packed HBM images as files: a header that says whose image it is, then the bytes.

The header is one line of text: `FA-HBM`, the version, the number of bytes behind it and a digest of
the layout, filled up with spaces to 128 bytes with a newline at the end. So the bytes begin on a
64-byte boundary and `tail -c +129` gives the plain image, byte 0 of which is HBM address 0.
"""

from __future__ import annotations

import hashlib
import json

from .layout import VERSION, Layout, LayoutError

MAGIC = "FA-HBM"
HEADER_BYTES = 128


def digest(layout: Layout) -> str:
    """What tells one layout's images from another's: SHA-256 of its regions and their forms."""
    described = json.dumps(layout.to_json()["regions"], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()


def header(layout: Layout) -> bytes:
    """The header of an image of this layout."""
    text = f"{MAGIC} {VERSION} {layout.hbm_bytes} {digest(layout)}"
    return text.ljust(HEADER_BYTES - 1).encode() + b"\n"


def check_header(data: bytes, layout: Layout, size: int, name: str) -> None:
    """Check the first bytes of a file of `size` bytes against a layout.

    Raises LayoutError where it is no image, one of another version or kernel, or cut short.
    """
    words = data[:HEADER_BYTES].decode("ascii", "replace").split()
    if len(data) < HEADER_BYTES or len(words) != 4 or words[0] != MAGIC:
        raise LayoutError(f"'{name}' is no packed image; fa-pack writes them")
    if words[1] != str(VERSION):
        raise LayoutError(
            f"'{name}' is a packed image of version {words[1]}, this is version {VERSION}; pack it "
            "again"
        )
    if words[3] != digest(layout):
        raise LayoutError(f"'{name}' was packed for another kernel; pack it again for this one")
    if size - HEADER_BYTES != layout.hbm_bytes:
        raise LayoutError(
            f"'{name}' holds {size - HEADER_BYTES} bytes of image, and this kernel's has "
            f"{layout.hbm_bytes}"
        )
