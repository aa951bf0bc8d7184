#!/usr/bin/env python3
"""Writes a seeded DLRM: tables.safetensors, dense.onnx, dlrm.json, and golden.json with PyTorch's own predictions for a few samples.

    python3 tools/dlrm/export.py --shape criteo-kaggle --scale 1000 --samples 64 --out DIR

The model is DLRM's (arXiv 1906.00091): a bottom MLP over the dense inputs, a pooled vector for each sparse feature, dot products of all
pairs of these vectors, a top MLP over them and the bottom MLP's output, a sigmoid. dense.onnx is all of it but the tables: inputs
dense [n, 13] and features [n, tables * dim], output prediction [n, 1]. Needs Debian's python3-torch and nothing else.

--scale divides the tables' rows, rounded up. PyTorch 2 needs the package onnx beside itself. bench/peers/torch/dlrm.py times the same model.
"""
import argparse
import inspect
import io
import json
import struct
from pathlib import Path

import torch

CRITEO_KAGGLE = [
    1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10, 5652, 2173, 4, 7046547, 18,
    15, 286181, 105, 142572,
]
MLPERF_ROWS = [
    40000000, 39060, 17295, 7424, 20265, 3, 7122, 1543, 63, 40000000, 3067956, 405282, 10, 2209, 11938, 155, 4, 976, 14, 40000000,
    40000000, 40000000, 590152, 12973, 108, 36,
]
MLPERF_HOTS = [3, 2, 1, 2, 6, 1, 1, 1, 1, 7, 3, 8, 1, 6, 9, 5, 1, 1, 1, 12, 100, 27, 10, 3, 1, 1]
ALI_CCP = [
    294736, 3078306, 8581, 604498, 208179, 96258, 116741, 98, 14, 3, 8, 4, 4, 3, 5, 33786, 58015, 6086, 7735, 384343, 142632, 74317, 4,
]

# Rows and lookups of each table, dim, dense inputs, layers of both MLPs (the bottom one ends in dim, the top one in 1).
SHAPES = {
    "tiny": dict(rows=[40, 3, 17, 1, 25], hots=[1, 2, 1, 1, 4], dim=8, dense=4, bottom=[12], top=[16, 8]),
    "criteo-kaggle": dict(rows=CRITEO_KAGGLE, hots=[1] * 26, dim=16, dense=13, bottom=[512, 256, 64], top=[512, 256]),
    "mlperf-dlrmv2": dict(rows=MLPERF_ROWS, hots=MLPERF_HOTS, dim=128, dense=13, bottom=[512, 256], top=[1024, 1024, 512, 256]),
    "rm1": dict(rows=[4_000_000] * 8, hots=[80] * 8, dim=32, dense=13, bottom=[128, 64], top=[256, 64]),
    "rm2": dict(rows=[500_000] * 32, hots=[120] * 32, dim=64, dense=13, bottom=[256, 128], top=[128, 64]),
    "rm3": dict(rows=[2_000_000] * 10, hots=[20] * 10, dim=32, dense=13, bottom=[2560, 512], top=[512, 128]),
    "ali-ccp": dict(rows=ALI_CCP, hots=[1] * 23, dim=16, dense=13, bottom=[128, 64], top=[256, 64]),
}
SEED = 20260101


def mlp(sizes, last):
    layers = []
    for n, (size_in, size_out) in enumerate(zip(sizes, sizes[1:])):
        layers.append(torch.nn.Linear(size_in, size_out))
        layers.append(last if n == len(sizes) - 2 else torch.nn.ReLU())
    return torch.nn.Sequential(*layers)


class Dense(torch.nn.Module):
    """DLRM without its tables."""

    def __init__(self, shape):
        super().__init__()
        self.tables, self.dim = len(shape["rows"]), shape["dim"]
        vectors = self.tables + 1
        pairs = vectors * (vectors - 1) // 2
        self.bottom = mlp([shape["dense"], *shape["bottom"], self.dim], torch.nn.ReLU())
        self.top = mlp([self.dim + pairs, *shape["top"], 1], torch.nn.Sigmoid())

    def forward(self, dense, features):
        bottom = self.bottom(dense)
        vectors = torch.cat([bottom.unsqueeze(1), features.view(-1, self.tables, self.dim)], dim=1)
        products = torch.bmm(vectors, vectors.transpose(1, 2))
        # Of each pair of vectors the one product (i, j), j < i. Slices, no index_select: PyTorch takes either in the same time, but onnxruntime
        # gathers float by float, a fifth of the whole model's time.
        pairs = [products[:, i, :i] for i in range(1, self.tables + 1)]
        return self.top(torch.cat([bottom, *pairs], dim=1))


class Dlrm(torch.nn.Module):
    def __init__(self, shape, rows):
        super().__init__()
        self.bags = torch.nn.ModuleList(torch.nn.EmbeddingBag(n, shape["dim"], mode="sum") for n in rows)
        self.dense = Dense(shape)

    def forward(self, dense, indices, offsets):
        return self.dense(dense, torch.cat([bag(i, o) for bag, i, o in zip(self.bags, indices, offsets)], dim=1))


def make_model(shape, scale):
    rows = [-(-n // scale) for n in shape["rows"]]
    torch.manual_seed(SEED)
    model = Dlrm(shape, rows).eval()
    with torch.no_grad():
        for bag in model.bags:
            bag.weight.uniform_(-0.25, 0.25)
    return model, rows


def make_batch(shape, rows, samples, seed):
    """Feature-major bags, as lagbag takes them: indices and offsets a table."""
    generator = torch.Generator().manual_seed(seed)
    dense = torch.rand(samples, shape["dense"], generator=generator)
    indices = [torch.randint(n, (samples * hot,), generator=generator) for n, hot in zip(rows, shape["hots"])]
    offsets = [torch.arange(samples) * hot for hot in shape["hots"]]
    return dense, indices, offsets


def write_safetensors(path, tensors):
    """The format is a length, a JSON header, and the bytes."""
    header, at = {}, 0
    for name, tensor in tensors.items():
        size = tensor.numel() * 4
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.contiguous().numpy().tobytes())


def sizes_of(layers):
    """Widths of an MLP, input first."""
    linear = [layer for layer in layers if isinstance(layer, torch.nn.Linear)]
    return [linear[0].in_features, *(layer.out_features for layer in linear)]


def older_exporter():
    """PyTorch 2.9's default writes other graphs, and needs more packages than PyTorch 1.13's, which it still has."""
    return dict(dynamo=False) if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}


def export(shape, scale, samples, out):
    model, rows = make_model(shape, scale)
    out.mkdir(parents=True, exist_ok=True)
    write_safetensors(out / "tables.safetensors", {f"t{n}": bag.weight.detach() for n, bag in enumerate(model.bags)})
    features = len(rows) * shape["dim"]
    buffer = io.BytesIO()
    torch.onnx.export(
        model.dense,
        (torch.zeros(2, shape["dense"]), torch.zeros(2, features)),
        buffer,
        input_names=["dense", "features"],
        output_names=["prediction"],
        dynamic_axes={name: {0: "n"} for name in ("dense", "features", "prediction")},
        opset_version=13,
        **older_exporter(),
    )
    (out / "dense.onnx").write_bytes(buffer.getvalue())
    layers = dict(bottom=sizes_of(model.dense.bottom), top=sizes_of(model.dense.top))
    description = dict(rows=rows, hots=shape["hots"], dim=shape["dim"], dense=shape["dense"], scale=scale, seed=SEED, **layers)
    (out / "dlrm.json").write_text(json.dumps(description) + "\n")
    dense, indices, offsets = make_batch(shape, rows, samples, SEED + 1)
    with torch.no_grad():
        predictions = model(dense, indices, offsets).flatten()
    golden = dict(
        dense=dense.flatten().tolist(),
        indices=[i for table in indices for i in table.tolist()],
        predictions=predictions.tolist(),
    )
    (out / "golden.json").write_text(json.dumps(golden) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="criteo-kaggle")
    parser.add_argument("--scale", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.scale < 1 or args.samples < 1:
        parser.error(f"--scale and --samples: got {args.scale} and {args.samples}, expected at least 1")
    export(SHAPES[args.shape], args.scale, args.samples, args.out)


if __name__ == "__main__":
    main()
