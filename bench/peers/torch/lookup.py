"""PyTorch's embedding_bag as a contender in a process of its own: lookup.py DATA THREADS

DATA as bench/peers/data-file.ts writes it; rows follow from the seeds, as bench/random.ts makes them. Then, line by line on stdin and stdout:
  run SET SECONDS         passes over all batches of a set for so long   ->  ran PASSES NANOSECONDS
  values SET BATCH FILE   one batch; its values as floats to a file      ->  wrote COUNT
"""
import sys
import time

import numpy
import torch

from data_file import read_data_file

CHUNK = 1 << 22


def make_rows(num_rows, dim, seed):
    rows = numpy.empty(num_rows * dim, numpy.float32)
    for first in range(0, rows.size, CHUNK):
        end = min(first + CHUNK, rows.size)
        mixed = numpy.arange(first, end, dtype=numpy.uint64).astype(numpy.uint32)
        mixed ^= numpy.uint32(seed & 0xFFFFFFFF)
        mixed *= numpy.uint32(0x9E3779B1)
        mixed ^= mixed >> numpy.uint32(15)
        mixed *= numpy.uint32(0x85EBCA6B)
        rows[first:end] = (mixed.view(numpy.int32) >> 8) / numpy.float32(8388608)
    return torch.from_numpy(rows.reshape(num_rows, dim))


def lookup(tables, batch):
    pooled = [
        torch.nn.functional.embedding_bag(indices, rows, offsets, mode="sum")
        for rows, (indices, offsets) in zip(tables, batch)
    ]
    return pooled[0] if len(pooled) == 1 else torch.cat(pooled, 1)


def main(path, threads):
    torch.set_num_threads(int(threads))
    torch.set_grad_enabled(False)
    shapes, sets = read_data_file(path)
    tables = [make_rows(*shape) for shape in shapes]
    print("ready", flush=True)
    for line in sys.stdin:
        command, number, *others = line.split(maxsplit=3)
        batches = sets[int(number)]
        if command == "run":
            seconds, passes, start, took = float(others[0]), 0, time.perf_counter_ns(), 0
            while took < seconds * 1e9:
                for batch in batches:
                    lookup(tables, batch)
                passes += 1
                took = time.perf_counter_ns() - start
            print("ran", passes, took, flush=True)
        elif command == "values":
            values = lookup(tables, batches[int(others[0])]).numpy()
            values.tofile(others[1].rstrip("\n"))
            print("wrote", values.size, flush=True)
        else:
            print("error no such command", flush=True)


main(*sys.argv[1:])
