"""The pixels of a PNG file: its texts say how it was drawn, and so differ where the pixels do not."""

import struct
import zlib


def chunks_of(png):
    """Type and data of each chunk."""
    place = 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += 12 + length


def pixels_of(file):
    """The filtered rows of the file, in bytes."""
    return zlib.decompress(b"".join(data for kind, data in chunks_of(file.read_bytes()) if kind == b"IDAT"))
