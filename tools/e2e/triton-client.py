"""A client of the Open Inference Protocol over gRPC that owes nothing to lagbag: grpcio's channel, and protobuf written by hand.

usage: triton-client.py HOST:PORT FOLDER pooled|hps      FOLDER: what make-tables.py made
"""
import sys

import grpc
import numpy as np


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, payload):
    if isinstance(payload, str):
        payload = payload.encode()
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def fields(message):
    """(number, value) of a message's fields; bytes or int."""
    at = 0

    def read():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = read()
        if key & 7 == 0:
            yield key >> 3, read()
        elif key & 7 == 2:
            size = read()
            yield key >> 3, message[at : at + size]
            at += size
        else:
            raise ValueError(f"wire type {key & 7}")


def infer_request(model, tensors, typed):
    message = field(1, model)
    for name, array in tensors.items():
        datatype = {"int64": "INT64", "int32": "INT32", "float32": "FP32"}[array.dtype.name]
        tensor = field(1, name) + field(2, datatype) + field(3, b"".join(varint(size) for size in array.shape))
        if typed:
            flat = array.reshape(-1)
            number = {"INT32": 2, "INT64": 3, "FP32": 6}[datatype]
            packed = flat.tobytes() if datatype == "FP32" else b"".join(varint(int(value)) for value in flat)
            tensor += field(5, field(number, packed))
        message += field(5, tensor)
    if not typed:
        for array in tensors.values():
            message += field(7, array.astype(array.dtype.newbyteorder("<")).tobytes())
    return message


class Client:
    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)

    def call(self, method, request=b""):
        path = f"/inference.GRPCInferenceService/{method}"
        return self.channel.unary_unary(path)(request, timeout=20)

    def infer(self, model, tensors, typed):
        shape, raw = None, None
        for number, value in fields(self.call("ModelInfer", infer_request(model, tensors, typed))):
            if number == 5:
                for inner, part in fields(value):
                    if inner == 3:
                        shape = [size for _, size in fields(b"".join(b"\x08" + one for one in split_varints(part)))]
            elif number == 6:
                raw = value
        return np.frombuffer(raw, "<f4").reshape(shape)


def split_varints(packed):
    start = 0
    for at, byte in enumerate(packed):
        if byte < 0x80:
            yield packed[start : at + 1]
            start = at + 1


def ask_pooled(client, folder):
    rng = np.random.default_rng(7)
    tables = [np.load(f"{folder}/check/{name}.npy") for name in ("users", "items")]
    for batch in (1, 3, 64):
        lengths = rng.integers(0, 4, size=len(tables) * batch).astype(np.int32)
        bags = [rng.integers(0, len(tables[n // batch]), size=size) for n, size in enumerate(lengths)]
        indices = np.concatenate([*bags, np.zeros(0)]).astype(np.int64)
        expected = np.zeros((batch, sum(table.shape[1] for table in tables)), np.float32)
        for n, bag in enumerate(bags):
            table, start = tables[n // batch], sum(t.shape[1] for t in tables[: n // batch])
            for row in bag:
                expected[n % batch, start : start + table.shape[1]] += table[row]
        for typed in (True, False):
            got = client.infer("dlrm", {"INDICES": indices, "LENGTHS": lengths}, typed)
            assert got.shape == expected.shape and np.allclose(got, expected, rtol=0, atol=1e-6), (batch, typed)
    print("python grpc, pooled, typed and raw: ok")
    try:
        client.infer("dlrm", {"INDICES": np.array([10**9], np.int64), "LENGTHS": np.array([1, 0], np.int32)}, False)
        raise AssertionError("an index out of range was answered")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and "1000000000" in error.details(), error
    print("python grpc, an index out of range, INVALID_ARGUMENT that names it: ok")


def ask_hps(client, folder):
    keys, rows = np.load(f"{folder}/check/keys.npy"), np.load(f"{folder}/check/rows.npy")
    asked = np.array([[keys[5], keys[0], -12345, keys[-1]]], np.int64)
    wanted = np.concatenate([rows[5], rows[0], np.zeros_like(rows[0]), rows[-1]])
    for typed in (True, False):
        got = client.infer("hps", {"KEYS": asked, "NUMKEYS": np.array([[4]], np.int32)}, typed)
        assert np.array_equal(got, wanted), (got, wanted)
    print("python grpc, HPS keys, a missing one gives the default row: ok")


_, address, folder, shape = sys.argv
client = Client(address)
assert dict(fields(client.call("ServerLive"))) == {1: 1}
assert dict(fields(client.call("ServerReady"))) == {1: 1}
{"pooled": ask_pooled, "hps": ask_hps}[shape](client, folder)
