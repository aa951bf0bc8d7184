#!/usr/bin/python3
"""Makes test/golden/tables/*.onnx: small recommenders as torch exports them, for test/tables/onnx.test.ts and test/cut/.

    apt-get install python3-torch                 # Debian 12: PyTorch 1.13
    /usr/bin/python3 tools/golden/make-onnx-models.py

    embeddings.onnx  nn.Embedding: a bag that is summed, one index a sample, a column of a matrix, mean and max of a bag, one that is not pooled
    bags-*.onnx      nn.EmbeddingBag with indices and offsets (sum, mean, max; with and without the last offset)
    matrix-bag.onnx  nn.EmbeddingBag with a matrix of indices: bags of one length
    weighted.onnx    nn.EmbeddingBag with per-sample weights: not to be cut
    tied.onnx        an nn.Embedding whose transpose is a matrix of the dense part, a second initialiser
    tied-whole.onnx  the same with one initialiser: not to be cut
    computed.onnx    an nn.Embedding whose indices are computed: not to be cut
"""
import pathlib
import warnings

import torch
from torch import nn

OUTPUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "golden" / "tables"
LONG = torch.long
torch.manual_seed(20261125)
warnings.simplefilter("ignore")


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.clicks = nn.Embedding(50, 8)
        self.user = nn.Embedding(20, 4)
        self.item = nn.Embedding(30, 4)
        self.tags = nn.Embedding(25, 6)
        self.top = nn.Embedding(25, 3)
        self.history = nn.Embedding(40, 5)
        self.hidden = nn.Linear(8 + 4 + 4 + 6 + 3 + 3 * 5 + 3, 7)
        self.out = nn.Linear(7, 1)

    def forward(self, clicks, user, ids, history, dense):
        parts = [
            self.clicks(clicks).sum(1),
            self.user(user),
            self.item(ids[:, 1]),
            self.tags(clicks).mean(1),
            self.top(clicks).max(1).values,
            self.history(history).flatten(1),
            dense,
        ]
        return torch.sigmoid(self.out(torch.relu(self.hidden(torch.cat(parts, 1)))))


class Bags(nn.Module):
    def __init__(self, mode, last):
        super().__init__()
        self.bag = nn.EmbeddingBag(50, 8, mode=mode, include_last_offset=last)
        self.out = nn.Linear(8, 2)

    def forward(self, indices, offsets):
        return self.out(self.bag(indices, offsets))


class MatrixBag(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag = nn.EmbeddingBag(50, 8, mode="sum")
        self.out = nn.Linear(8, 2)

    def forward(self, indices):
        return self.out(self.bag(indices))


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag = nn.EmbeddingBag(50, 8, mode="sum")

    def forward(self, indices, offsets, weights):
        return self.bag(indices, offsets, weights) + 1


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(50, 8)

    def forward(self, user):
        return self.table(user) @ self.table.weight.t()


class Computed(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(50, 8)

    def forward(self, user):
        return self.table(user + 1).relu()


def export(name, model, inputs, axes, **options):
    path = OUTPUT / f"{name}.onnx"
    torch.onnx.export(model.eval(), tuple(inputs.values()), path, input_names=list(inputs), output_names=["score"], dynamic_axes=axes, **options)
    print(path, path.stat().st_size)


batch = {0: "batch"}
export(
    "embeddings",
    Embeddings(),
    {
        "clicks": torch.zeros(3, 6, dtype=LONG),
        "user": torch.zeros(3, dtype=LONG),
        "ids": torch.zeros(3, 2, dtype=LONG),
        "history": torch.zeros(3, 3, dtype=LONG),
        "dense": torch.zeros(3, 3),
    },
    {"clicks": {0: "batch", 1: "length"}, "user": batch, "ids": batch, "history": batch, "dense": batch},
)
for mode in ("sum", "mean", "max"):
    for last in (False, True):
        inputs = {"indices": torch.zeros(6, dtype=LONG), "offsets": torch.tensor([0, 2, 3] + [6] * last)}
        export(f"bags-{mode}{'-last' * last}", Bags(mode, last), inputs, {"indices": {0: "n"}, "offsets": {0: "bags"}})
export("matrix-bag", MatrixBag(), {"indices": torch.zeros(3, 4, dtype=LONG)}, {"indices": batch})
inputs = {"indices": torch.zeros(6, dtype=LONG), "offsets": torch.tensor([0, 2, 3]), "weights": torch.ones(6)}
export("weighted", Weighted(), inputs, {"indices": {0: "n"}, "offsets": {0: "bags"}, "weights": {0: "n"}})
export("tied", Tied(), {"user": torch.zeros(3, dtype=LONG)}, {"user": batch})
export("tied-whole", Tied(), {"user": torch.zeros(3, dtype=LONG)}, {"user": batch}, do_constant_folding=False)
export("computed", Computed(), {"user": torch.zeros(3, dtype=LONG)}, {"user": batch})
