#!/usr/bin/python3
"""Makes test/golden/quantised.json: what PyTorch's quantised embedding operators make of rows and bags, for test/rows/golden.test.ts.

    apt-get install python3-torch                 # Debian 12: PyTorch 1.13
    /usr/bin/python3 tools/golden/make-quantised.py

Debian's own interpreter, as a python3 of pyenv or conda does not see apt's packages. Same seed and same PyTorch give the same
file; it is made by hand and committed, no test runs this script.

Debian's PyTorch is built without FBGEMM, so its scalar loops answer; they and FBGEMM's reference functions have the same formulas. FBGEMM's
AVX2 loops differ from them where a row has a NaN, and in the sign of a zero bias.

The file: head; halves: floats and the fp16 bits of torch's half(); tables, each with
    dtype, dim, rows (floats), packed (the prepack operator's bytes), unpacked (the unpack operator's floats)
    bags       indices, offsets (include_last_offset), weights, sum and weighted: [bags, dim] of embedding_bag_*_rowwise_offsets
All arrays but indices and offsets are base64 of little-endian bytes, so that every bit survives.
"""
import base64
import json
import pathlib

import numpy
import torch

SEED = 20261125
OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "quantised.json"
DTYPES = {"int8": "byte", "int4": "4bit", "int2": "2bit"}
DIMS = (4, 12, 64, 100)
RANDOM_ROWS = 10

torch.manual_seed(SEED)
torch.set_num_threads(1)


def encode(array, dtype):
    return base64.b64encode(numpy.asarray(array, dtype=dtype).tobytes()).decode()


def make_rows(dim):
    """Rows of all sizes, from constant to as far apart as the narrow formats take."""
    scales = 10.0 ** (torch.rand(RANDOM_ROWS, 1) * 12 - 8)
    shifts = torch.randn(RANDOM_ROWS, 1) * scales * torch.randint(0, 4, (RANDOM_ROWS, 1))
    base = torch.randn(dim)
    special = [
        torch.zeros(dim),
        torch.full((dim,), -0.0),
        torch.full((dim,), 1.5),
        torch.full((dim,), 1.0001),  # no fp16: the bias is rounded
        torch.full((dim,), 1e-45),
        1e-30 * base,
        1e-9 * base,  # below int8's epsilon
        1e-7 * base.abs(),  # an fp16 scale that is subnormal
        3e4 * base,
        1e30 * base,
        7e4 + base,  # fp16 bias: infinity
        -7e4 + base,
        3e38 * torch.sign(base),  # the range overflows fp32
    ]
    return torch.cat([torch.randn(RANDOM_ROWS, dim) * scales + shifts, torch.stack(special)])


def make_table(dtype, dim):
    operators = torch.ops.quantized
    word = DTYPES[dtype]
    rows = make_rows(dim)
    packed = getattr(operators, f"embedding_bag_{word}_prepack")(rows)
    unpacked = getattr(operators, f"embedding_bag_{word}_unpack")(packed)
    # Bags of the random rows only: sums of infinities say nothing.
    lengths = [1, 0, 2, 5, 17, 1]
    offsets = torch.tensor([0, *numpy.cumsum(lengths)], dtype=torch.int64)
    indices = torch.randint(0, RANDOM_ROWS, (int(offsets[-1]),))
    weights = torch.randn(len(indices))
    bag = getattr(operators, f"embedding_bag_{word}_rowwise_offsets")
    return {
        "dtype": dtype,
        "dim": dim,
        "rows": encode(rows, "<f4"),
        "packed": encode(packed, "u1"),
        "unpacked": encode(unpacked, "<f4"),
        "indices": indices.tolist(),
        "offsets": offsets.tolist(),
        "weights": encode(weights, "<f4"),
        "sum": encode(bag(packed, indices, offsets, False, 0, False, None, None, True), "<f4"),
        "weighted": encode(bag(packed, indices, offsets, False, 0, False, weights, None, True), "<f4"),
    }


def make_halves():
    """Floats of all sizes, and those half way between two halves, and their neighbours."""
    bits = torch.arange(0, 0x7C00, 211, dtype=torch.int16)
    halves = bits.view(torch.float16).float()
    following = (bits + 1).view(torch.float16).float()
    middles = (halves + following) / 2
    around = [torch.nextafter(middles, torch.full_like(middles, end)) for end in (-1e38, 1e38)]
    edges = torch.tensor([65504, 65519.996, 65520, 1e38, float("inf"), 2.0**-25, 2.0**-25 * 1.0001, 1e-40, 0.0])
    random = torch.randn(300) * 10.0 ** (torch.rand(300) * 14 - 9)
    floats = torch.cat([halves, middles, *around, edges, random])
    floats = torch.cat([floats, -floats])
    return {"floats": encode(floats, "<f4"), "bits": encode(floats.half().view(torch.int16), "<i2")}


head = {"torch": torch.__version__, "seed": SEED}
tables = [make_table(dtype, dim) for dtype in DTYPES for dim in DIMS]
with OUTPUT.open("w") as file:
    file.write(json.dumps(head)[:-1] + ',\n"halves": ' + json.dumps(make_halves()) + ',\n"tables": [\n')
    file.write(",\n".join(json.dumps(table, separators=(",", ":")) for table in tables))
    file.write("\n]}\n")
print(f"{OUTPUT}: {len(tables)} tables, {OUTPUT.stat().st_size} bytes, PyTorch {torch.__version__}")
