#!/usr/bin/python3
"""Makes test/golden/torch-api.json: what torch.nn.EmbeddingBag answers to each way of calling it, for test/torch/golden.test.ts.

    apt-get install python3-torch                 # Debian 12: PyTorch 1.13
    /usr/bin/python3 tools/golden/make-torch-api.py

make-embedding-bag.py is about rows, bags and pooling; this one is about the module: its defaults, offsets with and without
include_last_offset, two-dimensional input, int32 and int64, and the calls that it refuses. Same seed, same PyTorch, same file.
What it does not ask: indices behind the last offset of include_last_offset. PyTorch 1.13 writes past the end of its memory for them in some
modes ("free(): invalid next size"), and later ones give three different answers.

The file: weights by name; cases. Each case has
    name, weight, options (camel case, as lagbag takes them; what is missing is torch's default)
    input      numbers, or rows of numbers; offsets?, weights? (base64 of little-endian float32, in the input's order)
    indexType  "int32" or "int64"
    values     [bags, embeddingDim], base64 of float32; or
    error      the name of the exception that torch raised
"""
import base64
import itertools
import json
import pathlib
import random

import numpy
import torch

SEED = 20261125
OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "torch-api.json"
NUM_ROWS = 11
DIMS = (1, 6, 32)
INDEX_TYPES = {"int32": torch.int32, "int64": torch.int64}
PADDING_ROW = 3

random.seed(SEED)
torch.manual_seed(SEED)
torch.set_num_threads(1)
weights_by_name = {f"dim-{dim}": torch.randn(NUM_ROWS, dim) for dim in DIMS}


def encode(floats):
    return base64.b64encode(numpy.asarray(floats.detach(), dtype="<f4").tobytes()).decode()


def rows(count):
    """Indices; the padding row more often than chance has it."""
    return [random.choice((PADDING_ROW, random.randrange(NUM_ROWS), random.randrange(NUM_ROWS))) for _ in range(count)]


def snake(name):
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def make_case(name, input, offsets=None, options=None, weighted=False, index_type="int64", weight="dim-6", weights=None):
    """Asks torch; weights: per_sample_weights other than one for each index, to see them refused."""
    options = options or {}
    index = torch.tensor(input, dtype=INDEX_TYPES[index_type])
    if weighted:
        weights = torch.randn(index.shape)
    case = {"name": name, "weight": weight, "options": options, "indexType": index_type, "input": input}
    if offsets is not None:
        case["offsets"] = offsets
    if weights is not None:
        case["weights"] = encode(weights)
        case["weightsShape"] = list(weights.shape)
    try:
        bag = torch.nn.EmbeddingBag.from_pretrained(weights_by_name[weight], **{snake(key): value for key, value in options.items()})
        given = None if offsets is None else torch.tensor(offsets, dtype=INDEX_TYPES[index_type])
        case["values"] = encode(bag(index, given, weights))
    except Exception as error:
        case["error"] = type(error).__name__
    return case


def modes(more=()):
    """Options for each mode, the default as "no mode at all", sums with and without weights."""
    for mode, weighted in ((None, False), ("mean", False), ("sum", False), ("sum", True), ("max", False)):
        yield ({} if mode is None else {"mode": mode}), weighted, f"{mode or 'default'}{' weighted' if weighted else ''}"


def answered():
    shapes = {
        "one bag": (5, [0]),
        "bags": (9, [0, 2, 2, 6]),
        "an empty bag last": (4, [0, 1, 4]),
        "an empty bag first": (4, [0, 0, 3]),
        "only empty bags": (0, [0, 0, 0]),
    }
    for (options, weighted, words), padding, (shape, (count, offsets)), index_type in itertools.product(
        modes(), (None, PADDING_ROW, PADDING_ROW - NUM_ROWS), shapes.items(), INDEX_TYPES
    ):
        options = {**options, **({} if padding is None else {"paddingIdx": padding})}
        name = f"1-D {shape}, {words}, padding {padding}, {index_type}"
        yield make_case(name, rows(count), offsets, options, weighted, index_type)
        last = {**options, "includeLastOffset": True}
        yield make_case(f"{name}, last offset", rows(count), [*offsets, count], last, weighted, index_type)
    for (options, weighted, words), padding, (bags, length), weight, index_type in itertools.product(
        modes(), (None, PADDING_ROW), ((1, 1), (3, 4), (4, 1)), weights_by_name, INDEX_TYPES
    ):
        options = {**options, **({} if padding is None else {"paddingIdx": padding})}
        name = f"2-D {bags} x {length}, {words}, padding {padding}, {weight}, {index_type}"
        yield make_case(name, [rows(length) for _ in range(bags)], None, options, weighted, index_type, weight)
    yield make_case("no bags, no indices", [], [])
    yield make_case("no bags, stray indices", [1, 2], [])
    yield make_case("no bags, last offset", [], [0], {"includeLastOffset": True})


def refused():
    last = {"includeLastOffset": True}
    yield make_case("index too large", [1, NUM_ROWS], [0])
    yield make_case("index negative", [1, -1], [0])
    yield make_case("index too large in a row", [[1, 2], [3, NUM_ROWS]])
    yield make_case("no offsets", [1, 2])
    yield make_case("2-D with offsets", [[1, 2], [3, 4]], [0, 2])
    yield make_case("first offset not 0", [1, 2, 3], [1, 2])
    yield make_case("offset beyond the end", [1, 2, 3], [0, 4])
    yield make_case("last offset beyond the end", [1, 2, 3], [0, 4], last)
    yield make_case("no last offset", [1, 2, 3], [], last)
    yield make_case("padding too large", [1], [0], {"paddingIdx": NUM_ROWS})
    yield make_case("padding too negative", [1], [0], {"paddingIdx": -NUM_ROWS - 1})
    yield make_case("an unknown mode", [1], [0], {"mode": "avg"})
    for mode in ("mean", "max"):
        yield make_case(f"weights with {mode}", [1, 2], [0], {"mode": mode}, weighted=True)
    yield make_case("too few weights", [1, 2], [0], {"mode": "sum"}, weights=torch.randn(1))
    yield make_case("flat weights of 2-D input", [[1, 2]], None, {"mode": "sum"}, weights=torch.randn(2))
    yield make_case("weights of another shape", [[1, 2]], None, {"mode": "sum"}, weights=torch.randn(2, 1))


def write(groups):
    head = {"torch": torch.__version__, "seed": SEED, "floats": "base64 of little-endian float32"}
    lines = {name: {"numEmbeddings": len(each), "embeddingDim": each.shape[1], "rows": encode(each)} for name, each in weights_by_name.items()}
    with OUTPUT.open("w") as file:
        file.write(json.dumps(head)[:-1] + ',\n"weights": {\n')
        file.write(",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in lines.items()))
        file.write("\n}")
        for group, cases in groups.items():
            file.write(f',\n"{group}": [\n' + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]")
        file.write("\n}\n")


groups = {"answered": list(answered()), "refused": list(refused())}
assert all("values" in case for case in groups["answered"]), [case["name"] for case in groups["answered"] if "error" in case]
assert all("error" in case for case in groups["refused"]), [case["name"] for case in groups["refused"] if "values" in case]
write(groups)
print(f"{OUTPUT}: {', '.join(f'{len(cases)} {name}' for name, cases in groups.items())}, PyTorch {torch.__version__}")
