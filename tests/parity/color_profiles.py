"""ICC profiles, version 2, of displays and of grays: primaries or none, and a gamma."""

import struct


def fixed(*values):
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def profile(model, tags):
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249), b"desc": b"desc\0\0\0\0\0\0\0\2x\0" + bytes(78),
            b"cprt": b"text\0\0\0\0\0\0\0\0", **tags}  # fmt: skip
    place, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", place + len(data), len(content))
        data += content
    size = place + len(data)
    head = struct.pack(">I", size) + b"lcms" + struct.pack(">I", 0x02400000) + b"mntr" + model + b"XYZ " + bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return head + bytes(128 - len(head)) + table + data


def gamma_curve(gamma):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def profile_of(primaries, gamma):
    """A display's: XYZ of the primaries, adapted to D50."""
    tags = {name: b"XYZ \0\0\0\0" + fixed(*primary) for name, primary in zip([b"rXYZ", b"gXYZ", b"bXYZ"], primaries)}
    return profile(b"RGB ", {**tags, **{name: gamma_curve(gamma) for name in [b"rTRC", b"gTRC", b"bTRC"]}})


def gray_profile(gamma):
    return profile(b"GRAY", {b"kTRC": gamma_curve(gamma)})


# The primaries of Display P3 and of Adobe RGB (1998) as their own profiles have them.
PROFILES = {
    "Display P3": profile_of([(0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)], 2.2),
    "Adobe RGB": profile_of([(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)], 2.2),
}
