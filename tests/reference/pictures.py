"""Pictures that tests write and look at."""

import struct
import zlib


def size_of(png):
    """Width and height."""
    return struct.unpack(">II", png.read_bytes()[16:24])


def write_gray(path, width, height, level):
    """A PNG of grays; `level(x, y)` is 0 to 255."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(level(x, y) for x in range(width)) for y in range(height))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
