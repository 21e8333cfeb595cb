#!/usr/bin/env python3
"""Archives as numpy and Python's zipfile write them, for the npz reader: tests/golden/file/*.npz and *.npy.

Element e (in C order) of an array has a value that the test computes by itself: bools e % 2, unsigned e, signed
e - 3, floats (e - 3) / 8. Files whose name begins with bad_ must be refused.

    python tools/oracle/make_npz.py
"""

import io
import warnings
import zipfile
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parents[2] / "tests" / "golden" / "file"


def values(dtype, shape=(3, 4)):
    e = np.arange(int(np.prod(shape))).reshape(shape)
    kind = np.dtype(dtype).kind
    data = e % 2 if kind == "b" else e if kind == "u" else e - 3 if kind == "i" else (e - 3) / 8
    return data.astype(dtype)


def npy(array, version=None):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version)
    return stream.getvalue()


def archive(name, members, method=zipfile.ZIP_STORED, comment=b""):
    with zipfile.ZipFile(OUT / name, "w", method) as z:
        for member, data in members:
            z.writestr(zipfile.ZipInfo(member), data, compress_type=method)
        z.comment = comment


class Unseekable(io.RawIOBase):
    """A pipe: zipfile then writes sizes and CRC behind the data."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


warnings.simplefilter("ignore")
OUT.mkdir(parents=True, exist_ok=True)

# every type, both byte orders
types = ["b1"] + [
    order + kind for order in "<>" for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
]
all_types = {t.replace("<", "le_").replace(">", "be_"): values(t) for t in types}
np.savez(OUT / "types.npz", **all_types)
np.savez_compressed(OUT / "types_deflated.npz", **all_types)

# order, shapes
np.savez(
    OUT / "shapes.npz",
    scalar=np.float64(-3 / 8),
    empty=np.zeros((0, 5)),
    one=values("f8", (7,)),
    c3=values("f8", (2, 3, 4)),
    f3=np.asfortranarray(values("f8", (2, 3, 4))),
    f3_be=np.asfortranarray(values(">f4", (2, 3, 4))),
    f2_i=np.asfortranarray(values("i2", (5, 3))),
    f_thin=np.asfortranarray(values("f8", (1, 9, 1))),
    rank8=values("f8", (1, 2, 1, 2, 1, 2, 1, 2)),
)
np.savez_compressed(
    OUT / "shapes_deflated.npz",
    long=values("f8", (200, 50)),
    f=np.asfortranarray(values("f8", (200, 50))),
    rest=values("i4"),
)

# texts
words = ["", "plain", "\u0120caf\u00e9", "\U0001f600 x", "<|end|>"]
np.savez(
    OUT / "texts.npz",
    u=np.array(words),
    be=np.array(words).astype(">U8"),
    s=np.array([w.encode() for w in words]),
    number=np.arange(3),
)

# format versions, ways of writing the archive
versions = [("v%d.npy" % v, npy(values("f8"), (v, 0))) for v in (1, 2, 3)]
python2 = npy(values("f8")).replace(b"(3, 4), }  ", b"(3L, 4L), }")
archive("versions.npz", versions + [("python2.npy", python2)], comment=b"made by zipfile; PK is no record here")
pipe = Unseekable()
with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("a.npy", npy(values("f8")))
    z.writestr("b.npy", npy(values("i4")), compress_type=zipfile.ZIP_STORED)
(OUT / "piped.npz").write_bytes(pipe.data)
archive("none.npz", [])

# single arrays, whose bytes npy_write must reproduce
np.save(OUT / "array_f8.npy", values("<f8", (3, 4)))
np.save(OUT / "array_u1.npy", values("u1", (11,)))
np.save(OUT / "array_b1.npy", values("b1", (2, 2, 2)))
np.save(OUT / "array_i8_scalar.npy", np.int64(-3))
np.save(OUT / "array_empty.npy", np.zeros((1234567, 0), "<f4"))
np.save(OUT / "array_text.npy", np.array(["one", "three"]))

# to be refused
np.savez(OUT / "bad_object.npz", a=np.array([1, "x"], dtype=object))
np.savez(OUT / "bad_structured.npz", a=np.zeros(2, dtype=[("x", "<f4"), ("y", "<i4")]))
np.savez(OUT / "bad_complex.npz", a=np.zeros(2, dtype="<c16"))
np.savez(OUT / "bad_void.npz", a=np.zeros(2, dtype="V2"))
np.savez(OUT / "bad_time.npz", a=np.zeros(2, dtype="<M8[ns]"))
np.savez(OUT / "bad_longdouble.npz", a=np.zeros(2, dtype="<f16"))
small = npy(values("u1", (3,)))
archive("bad_path.npz", [("../x.npy", small)])
archive("bad_folder.npz", [("sub/x.npy", small)])
archive("bad_twice.npz", [("x.npy", small), ("x.npy", small)])
archive("bad_member.npz", [("x.npy", small), ("readme.txt", b"hello")])
archive("bad_method.npz", [("x.npy", small)], zipfile.ZIP_BZIP2)
archive("bad_two_ends.npz", [("x.npy", small)], comment=b"PK\5\6" + bytes(18))
(OUT / "bad_pickle.npy").write_bytes(b"\x80\x04K\x01.")
bomb = npy(np.zeros(1_000_000, "u1"))[:128] + bytes(5_000_000)  # more than its header says
archive("bad_bomb.npz", [("x.npy", bomb)], zipfile.ZIP_DEFLATED)
(OUT / "bad_extra.npy").write_bytes(npy(values("f8")) + b"x")
(OUT / "bad_short.npy").write_bytes(npy(values("f8"))[:-1])

for path in sorted(OUT.glob("*.np[yz]")):
    print("%8d %s" % (path.stat().st_size, path.name))
