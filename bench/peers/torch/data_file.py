"""Reads what bench/peers/data-file.ts writes."""
import numpy
import torch


def read_data_file(path):
    """The tables as [(rows, dim, seed)], and the sets: of each its batches, of these for each table (indices, offsets)."""
    words = numpy.fromfile(path, "<i4")
    at = 2
    table_count, set_count = int(words[0]), int(words[1])
    shapes = [tuple(int(word) for word in words[at + 3 * n : at + 3 * n + 3]) for n in range(table_count)]
    at += 3 * table_count
    sets = []
    for _ in range(set_count):
        batch_count = int(words[at])
        at += 1
        batches = []
        for _ in range(batch_count):
            size, count = int(words[at]), int(words[at + 1])
            at += 2
            offsets = words[at : at + table_count * size + 1]
            at += offsets.size
            indices = words[at : at + count]
            at += count
            features = []
            for table in range(table_count):
                own = offsets[table * size : (table + 1) * size + 1]
                features.append((torch.from_numpy(indices[own[0] : own[-1]].copy()), torch.from_numpy((own[:-1] - own[0]).copy())))
            batches.append(features)
        sets.append(batches)
    return shapes, sets
