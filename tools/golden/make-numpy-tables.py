#!/usr/bin/python3
"""Makes test/golden/tables/*.npy and *.npz: arrays as numpy writes them, for test/tables/numpy.test.ts.

    apt-get install python3-numpy                 # Debian 12: numpy 1.24
    /usr/bin/python3 tools/golden/make-numpy-tables.py

Values are those of exactFloats in test/tables/make.ts: value n of an array is (n * 37) % 251 - 125, row-major; halves hold them exactly.
"""
import io
import pathlib
import zipfile

import numpy

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "tables"
NUM_ROWS, DIM = 7, 5


def values(num_rows, dim, dtype):
    return ((numpy.arange(num_rows * dim) * 37) % 251 - 125).reshape(num_rows, dim).astype(dtype)


OUTPUT.mkdir(parents=True, exist_ok=True)
for dtype in ("<f4", "<f2", "<f8", ">f4", "<i4"):
    numpy.save(OUTPUT / f"{dtype.replace('<', 'little-').replace('>', 'big-')}.npy", values(NUM_ROWS, DIM, dtype))
numpy.save(OUTPUT / "fortran.npy", numpy.asfortranarray(values(NUM_ROWS, DIM, "<f4")))
numpy.save(OUTPUT / "fortran-half.npy", numpy.asfortranarray(values(NUM_ROWS, DIM, "<f2")))
numpy.save(OUTPUT / "vector.npy", values(1, DIM, "<f4")[0])
numpy.save(OUTPUT / "record.npy", numpy.zeros(3, dtype=[("a", "<f4"), ("b", "<i8")]))
for version in ((2, 0), (3, 0)):
    with open(OUTPUT / f"version-{version[0]}.npy", "wb") as file:
        numpy.lib.format.write_array(file, values(NUM_ROWS, DIM, "<f4"), version=version)

arrays = {"user": values(NUM_ROWS, DIM, "<f4"), "item": values(3, 2, "<f2"), "bias": values(1, 4, "<f4")[0], "last": values(2, 9, "<f8")}
numpy.savez(OUTPUT / "stored.npz", **arrays)
numpy.savez_compressed(OUTPUT / "deflated.npz", **arrays)
numpy.savez(OUTPUT / "fortran.npz", t=numpy.asfortranarray(values(NUM_ROWS, DIM, "<f4")))
numpy.savez_compressed(OUTPUT / "fortran-deflated.npz", t=numpy.asfortranarray(values(NUM_ROWS, DIM, "<f4")))

# Sizes in zip64 fields, as numpy has them beyond 4 GiB: the extra field of the directory and the zip64 end record, by hand at this size.
array = io.BytesIO()
numpy.save(array, values(NUM_ROWS, DIM, "<f4"))
limits = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 10, 0
try:
    with zipfile.ZipFile(OUTPUT / "zip64.npz", "w") as archive:
        archive.writestr("t.npy", array.getvalue())
finally:
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = limits
# The end record says "see the zip64 one", which Python writes only when numbers do not fit.
path = OUTPUT / "zip64.npz"
data = bytearray(path.read_bytes())
data[-14:-2] = b"\xff" * 12
path.write_bytes(data)
