"""The DLRM of tools/dlrm/export.py in PyTorch, in a process of its own: dlrm.py SHAPE SCALE DATA DENSE THREADS

DATA as bench/peers/data-file.ts writes it, one set; DENSE the dense inputs of its batches, floats [batches, samples, columns]. The model's
linear layers run as PyTorch does by default or by oneDNN, whichever is faster here: a build without MKL or OpenBLAS is slow at the first.
Then, line by line on stdin and stdout:
  about                   ->  about VERSION BLAS LAYERS EAGER_US ONEDNN_US       (microseconds of a batch by either)
  run 0 SECONDS           passes over all batches for so long     ->  ran PASSES NANOSECONDS
  values 0 BATCH FILE     one batch; its predictions as floats to a file  ->  wrote COUNT
  parts SECONDS           as run, the parts of the model timed apart      ->  parts BAGS_NANOSECONDS DENSE_NANOSECONDS
"""
import copy
import re
import sys
import time
from pathlib import Path

import numpy
import torch
from torch.utils.mkldnn import to_mkldnn

from data_file import read_data_file

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools" / "dlrm"))
from export import SHAPES, make_model  # noqa: E402

# Runs of either form of the linear layers, of which the fastest counts.
TRIES = 5


def read_batches(data, dense, columns):
    """Batches as (dense [samples, columns], indices a table, offsets a table)."""
    _, (batches,) = read_data_file(data)
    samples = batches[0][0][1].numel()
    inputs = torch.from_numpy(numpy.fromfile(dense, "<f4").reshape(len(batches), samples, columns))
    return [(inputs[n], [i for i, _ in tables], [o for _, o in tables]) for n, tables in enumerate(batches)]


def pool(model, batch):
    _, indices, offsets = batch
    return torch.cat([bag(i, o) for bag, i, o in zip(model.bags, indices, offsets)], dim=1)


def best_time(dense, inputs, features):
    times = []
    for _ in range(TRIES):
        start = time.perf_counter_ns()
        dense(inputs, features)
        times.append(time.perf_counter_ns() - start)
    return min(times)


def choose(model, batch):
    """The faster of the two, and what both take."""
    candidates = dict(eager=model.dense)
    if torch.backends.mkldnn.is_available():
        candidates["oneDNN"] = to_mkldnn(copy.deepcopy(model.dense))
    features = pool(model, batch)
    took = {name: best_time(dense, batch[0], features) for name, dense in candidates.items()}
    best = min(took, key=took.get)
    return candidates[best], best, took


def run(predict, batches, seconds):
    passes, start, took = 0, time.perf_counter_ns(), 0
    while took < seconds * 1e9:
        for batch in batches:
            predict(batch)
        passes += 1
        took = time.perf_counter_ns() - start
    return passes, took


def parts(model, dense, batches, seconds):
    took = [0, 0]
    while sum(took) < seconds * 1e9:
        for batch in batches:
            start = time.perf_counter_ns()
            features = pool(model, batch)
            pooled = time.perf_counter_ns()
            dense(batch[0], features)
            took[0] += pooled - start
            took[1] += time.perf_counter_ns() - pooled
    return took


def main(name, scale, data_file, dense_file, threads):
    torch.set_num_threads(int(threads))
    shape = SHAPES[name]
    model, _ = make_model(shape, int(scale))
    with torch.inference_mode():
        batches = read_batches(data_file, dense_file, shape["dense"])
        dense, layers, took = choose(model, batches[0])
        blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())

        def predict(batch):
            return dense(batch[0], pool(model, batch))

        print("ready", flush=True)
        for line in sys.stdin:
            command, *others = line.rstrip("\n").split(" ", maxsplit=3)
            if command == "about":
                each = [str(took[name] // 1000) if name in took else "-" for name in ("eager", "oneDNN")]
                print("about", torch.__version__, blas.group(1) if blas else "unknown", layers, *each, flush=True)
            elif command == "run":
                print("ran", *run(predict, batches, float(others[1])), flush=True)
            elif command == "values":
                values = predict(batches[int(others[1])]).flatten().contiguous().numpy()
                values.tofile(others[2])
                print("wrote", values.size, flush=True)
            elif command == "parts":
                print("parts", *parts(model, dense, batches, float(others[0])), flush=True)
            else:
                print("error no such command", flush=True)


main(*sys.argv[1:])
