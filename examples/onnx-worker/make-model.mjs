/** Writes dense.onnx: score = sigmoid(features x W + b), features [n, columns] -> score [n, 1]. An ONNX file is a protobuf message; this is just enough of one. */
import { writeFileSync } from "node:fs";

const FLOAT = 1;
const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));

function varint(value) {
  const out = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest];
    out.push((rest % 128) | 128);
  }
}
const int = (field, value) => bytes(varint(field * 8), varint(value));
const message = (field, ...parts) => bytes(varint(field * 8 + 2), varint(bytes(...parts).length), ...parts);
const text = (field, value) => message(field, Buffer.from(value));

const tensor = (name, dims, floats) =>
  bytes(
    ...dims.map((dim) => int(1, dim)),
    int(2, FLOAT),
    text(8, name),
    message(9, Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength)),
  );
const node = (op, inputs, output) => bytes(...inputs.map((input) => text(1, input)), text(2, output), text(4, op));
/** A tensor [n, columns] of any n. */
const value = (name, columns) =>
  bytes(text(1, name), message(2, message(1, int(1, FLOAT), message(2, message(1, text(2, "n")), message(1, int(1, columns))))));

/** weights: one for each column. Returns nothing; the file is there afterwards. */
export function makeModel(path, weights, bias) {
  const columns = weights.length;
  const graph = bytes(
    message(1, node("MatMul", ["features", "W"], "product")),
    message(1, node("Add", ["product", "b"], "sum")),
    message(1, node("Sigmoid", ["sum"], "score")),
    text(2, "dense"),
    message(5, tensor("W", [columns, 1], weights)),
    message(5, tensor("b", [1], Float32Array.of(bias))),
    message(11, value("features", columns)),
    message(12, value("score", 1)),
  );
  writeFileSync(path, bytes(int(1, 8), message(7, graph), message(8, int(2, 17))));
}
