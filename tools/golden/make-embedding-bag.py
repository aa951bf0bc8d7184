#!/usr/bin/python3
"""Makes test/golden/embedding-bag.json: what PyTorch's embedding_bag answers, for test/reference.test.ts.

    apt-get install python3-torch                 # Debian 12: PyTorch 1.13
    /usr/bin/python3 tools/golden/make-embedding-bag.py

Debian's own interpreter, as a python3 of pyenv or conda does not see apt's packages. Same seed and same PyTorch give the same
file; it is made by hand and committed, no test runs this script.

The file: tables by name; cases that name their tables. Index arrays are JSON numbers; floats are base64 of little-endian
float32, so that every bit survives. Each case has
    features, batchSize, indexType ("int32" or "int64"), indices, offsets (feature-major, features * batchSize + 1), weights?,
    values     [batchSize, sum of dims] of the pooled features, one embedding_bag call per feature, columns put side by side
    jagged?    by feature name, for pooling "none": values of torch.nn.functional.embedding, offsets (batchSize + 1)
"""
import base64
import itertools
import json
import pathlib
import random

import numpy
import torch
import torch.nn.functional as functional

SEED = 20261123
OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "embedding-bag.json"

NUM_ROWS = 13
LAST_ROW = NUM_ROWS - 1
DIMS = (1, 3, 5, 16, 64, 100)
HUGE_BAG_ROWS = 2000
INDEX_TYPES = {"int32": torch.int32, "int64": torch.int64}
# Padding by what it is called in case names. Both forms: from the start, and from the end.
PADDINGS = {"": None, "padding": 4, "negative-padding": -9}

random.seed(SEED)
torch.manual_seed(SEED)
torch.set_num_threads(1)  # no order of additions that depends on the machine


def encode(floats):
    return base64.b64encode(numpy.asarray(floats, dtype="<f4").tobytes()).decode()


def feature(name, table, pooling, padding=None):
    return {"name": name, "table": table, "pooling": pooling, **({} if padding is None else {"paddingIndex": padding})}


def offsets_of(bags):
    return [0, *itertools.accumulate(len(bag) for bag in bags)]


def random_bag(length):
    return [random.randrange(NUM_ROWS) for _ in range(length)]


def ask_torch(feature, bags, weights, index_type):
    """One feature's bags: [bags, dim], or all its rows if it is not pooled."""
    rows = tables[feature["table"]]
    indices = torch.tensor(sum(bags, []), dtype=INDEX_TYPES[index_type])
    if feature["pooling"] == "none":
        return functional.embedding(indices, rows)
    return functional.embedding_bag(
        indices,
        rows,
        torch.tensor(offsets_of(bags), dtype=INDEX_TYPES[index_type]),
        mode=feature["pooling"],
        per_sample_weights=weights if feature["pooling"] == "sum" else None,
        include_last_offset=True,
        padding_idx=feature.get("paddingIndex"),
    )


def make_case(name, features, bags, index_type="int32", weighted=False):
    """bags: of all features, feature-major."""
    batch_size = len(bags) // len(features)
    offsets = offsets_of(bags)
    weights = torch.randn(offsets[-1]) if weighted else None
    columns, jagged = [], {}
    for position, each in enumerate(features):
        first, end = position * batch_size, (position + 1) * batch_size
        own_bags = bags[first:end]
        own_weights = None if weights is None else weights[offsets[first] : offsets[end]]
        answer = ask_torch(each, own_bags, own_weights, index_type)
        if each["pooling"] == "none":
            jagged[each["name"]] = {"values": encode(answer), "offsets": offsets_of(own_bags)}
        else:
            columns.append(answer)
    return {
        "name": name,
        "features": features,
        "batchSize": batch_size,
        "indexType": index_type,
        "indices": sum(bags, []),
        "offsets": offsets,
        **({"weights": encode(weights)} if weighted else {}),
        "values": encode(torch.cat(columns, dim=1)) if columns else "",
        **({"jagged": jagged} if jagged else {}),
    }


def matrix():
    """pooling x weights x padding x dim x index type, each over empty, one-row, all-padding, mixed and last-row bags."""
    poolings = (("sum", False), ("sum", True), ("mean", False), ("max", False))
    for (pooling, weighted), (padding_name, padding), dim, index_type in itertools.product(
        poolings, PADDINGS.items(), DIMS, INDEX_TYPES
    ):
        padding_row = 4  # -9 of 13 rows is the same
        with_padding = random_bag(7) + [padding_row] + random_bag(2) + [padding_row]
        bags = [[], [7], [padding_row] * 3, with_padding, [LAST_ROW, 0, LAST_ROW], [padding_row, 2]]
        words = [pooling, "weighted" if weighted else "", padding_name, f"dim-{dim}", index_type]
        name = " ".join(word for word in words if word)
        yield make_case(name, [feature("f", f"dim-{dim}", pooling, padding)], bags, index_type, weighted)


def huge_bags():
    for pooling, weighted in (("sum", False), ("sum", True), ("mean", False), ("max", False)):
        bags = [[1], random_bag(HUGE_BAG_ROWS), []]
        name = f"huge-bag {pooling}{' weighted' if weighted else ''}"
        yield make_case(name, [feature("f", "dim-5", pooling, 4)], bags, weighted=weighted)


def nan_rows():
    """Row 3 of this table has NaNs. In torch's max a NaN counts in a bag's first row only; the last case records that."""
    for pooling in ("sum", "mean", "max"):
        yield make_case(f"nan-first {pooling}", [feature("f", "nan", pooling)], [[3], [3, 1, 2], [5, 6]])
        yield make_case(f"nan-first {pooling} padding", [feature("f", "nan", pooling, 4)], [[4, 3, 1], [4], [3, 4]])
    yield make_case("nan-padding max", [feature("f", "nan", "max", 3)], [[3, 1, 2], [3], [1, 3]])
    yield make_case("nan-later max", [feature("f", "nan", "max")], [[1, 3, 2], [0, 3]])


def jagged_batches():
    """Several features, feature-major, more than one on a table; and batches with nothing in them."""
    pooled = [
        feature("a", "dim-16", "sum"),
        feature("b", "dim-5", "mean", 0),
        feature("c", "dim-16", "max", -1),
        feature("d", "dim-3", "none"),
        feature("e", "dim-64", "sum", LAST_ROW),
    ]
    weightable = [feature("a", "dim-16", "sum"), feature("b", "dim-3", "none"), feature("c", "dim-1", "sum", 2)]
    for index_type in INDEX_TYPES:
        bags = [random_bag(random.choice((0, 1, 2, 3, 9))) for _ in range(len(pooled) * 4)]
        yield make_case(f"jagged {index_type}", pooled, bags, index_type)
        bags = [random_bag(random.choice((0, 1, 5))) for _ in range(len(weightable) * 4)]
        yield make_case(f"jagged weighted {index_type}", weightable, bags, index_type, weighted=True)
        yield make_case(f"none {index_type}", [feature("f", "dim-5", "none", 4)], [[4, 12], [], [0]], index_type)
    for pooling in ("sum", "mean", "max"):
        yield make_case(f"all-empty {pooling}", [feature("f", "dim-5", pooling)], [[], [], []])


tables = {f"dim-{dim}": torch.randn(NUM_ROWS, dim) for dim in DIMS}
tables["nan"] = torch.randn(NUM_ROWS, 5)
tables["nan"][3, [0, 4]] = float("nan")

cases = [*matrix(), *huge_bags(), *nan_rows(), *jagged_batches()]
head = {"torch": torch.__version__, "seed": SEED, "floats": "base64 of little-endian float32"}
table_lines = {
    name: {"numRows": len(rows), "dim": rows.shape[1], "rows": encode(rows)} for name, rows in tables.items()
}

# One table or case a line: small file, readable differences.
with OUTPUT.open("w") as file:
    file.write(json.dumps(head)[:-1] + ',\n"tables": {\n')
    file.write(",\n".join(f"{json.dumps(name)}: {json.dumps(table)}" for name, table in table_lines.items()))
    file.write('\n},\n"cases": [\n')
    file.write(",\n".join(json.dumps(case, separators=(",", ":")) for case in cases))
    file.write("\n]}\n")
print(f"{OUTPUT}: {len(cases)} cases, {OUTPUT.stat().st_size} bytes, PyTorch {torch.__version__}")
