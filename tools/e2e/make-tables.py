"""Tables for clients.sh: FOLDER/models/dlrm.safetensors, FOLDER/hps/ (key and emb_vector), and FOLDER/check/ for clients to compare with."""
import json
import os
import struct
import sys

import numpy as np

folder = sys.argv[1]
rng = np.random.default_rng(1)
tables = {"users": rng.random((1000, 16), dtype=np.float32), "items": rng.random((500, 8), dtype=np.float32)}
for part in ("models", "check", "hps/t0"):
    os.makedirs(f"{folder}/{part}", exist_ok=True)
head, at = {}, 0
for name, table in tables.items():
    np.save(f"{folder}/check/{name}.npy", table)
    head[name] = {"dtype": "F32", "shape": list(table.shape), "data_offsets": [at, at + table.nbytes]}
    at += table.nbytes
text = json.dumps(head).encode()
text += b" " * (-len(text) % 8)
with open(f"{folder}/models/dlrm.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + b"".join(table.tobytes() for table in tables.values()))
keys, rows = rng.permutation(10**6)[:100].astype(np.int64) * 10**12, rng.random((100, 4), dtype=np.float32)
keys.tofile(f"{folder}/hps/t0/key")
rows.tofile(f"{folder}/hps/t0/emb_vector")
np.save(f"{folder}/check/keys.npy", keys)
np.save(f"{folder}/check/rows.npy", rows)
