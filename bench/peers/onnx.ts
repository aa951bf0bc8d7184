/**
 * Embedding bags as an ONNX model, made in code:
 *
 *     for each table t:  pooled_t = ReduceSum(Gather(rows_t, indices_t), axis 1)      indices_t: int32 [batch, bag size]
 *     values = Concat(pooled_0, pooled_1, ...; axis 1)                                 [batch, sum of dims]
 *
 * Bags of one row need no sum: indices are [batch] then. A single table needs no Concat.
 * Field numbers are those of onnx.proto3.
 */
import type { Workload } from "../workloads/workload.js";
import { bytes, encode, type Field, integer, message } from "./protobuf.js";

const FLOAT = 1;
const INT32 = 6;
const INT_ATTRIBUTE = 2;
const INTS_ATTRIBUTE = 7;
const EXTERNAL = 1;
const IR_VERSION = 7;
/** Of the operators: the last one in which ReduceSum has its axes as an attribute. */
const OPSET = 12;

/** Where a table's rows are: in the model, or in a file beside it. */
export type RowsPlace = { bytes: Uint8Array } | { file: string; offset: number; length: number };

/** The name of a table's input. */
export function indicesName(table: number): string {
  return `indices_${table}`;
}

export function embeddingModel({ tables, bagSizes }: Workload, places: readonly RowsPlace[]): Uint8Array {
  const nodes: Field[] = [];
  const one = tables.length === 1;
  for (const table of tables.keys()) {
    const isCopy = bagSizes[table] === 1;
    const pooled = one ? "values" : `pooled_${table}`;
    nodes.push(node("Gather", { inputs: [`rows_${table}`, indicesName(table)], output: isCopy ? pooled : `gathered_${table}` }));
    if (!isCopy) {
      const attributes = [ints("axes", [1]), int("keepdims", 0)];
      nodes.push(node("ReduceSum", { inputs: [`gathered_${table}`], output: pooled, attributes }));
    }
  }
  if (!one)
    nodes.push(node("Concat", { inputs: tables.map((_, table) => `pooled_${table}`), output: "values", attributes: [int("axis", 1)] }));
  const columns = tables.reduce((sum, { dim }) => sum + dim, 0);
  const graph = message(
    7,
    ...nodes,
    bytes(2, "embedding bags"),
    ...tables.map(({ numRows, dim }, table) => initialiser(`rows_${table}`, [numRows, dim], places[table])),
    ...tables.map((_, table) =>
      value(11, indicesName(table), { type: INT32, shape: bagSizes[table] === 1 ? ["batch"] : ["batch", bagSizes[table]] }),
    ),
    value(12, "values", { type: FLOAT, shape: ["batch", columns] }),
  );
  return encode(integer(1, IR_VERSION), bytes(2, "lagbag bench"), graph, message(8, bytes(1, ""), integer(2, OPSET)));
}

function node(
  type: string,
  { inputs, output, attributes = [] }: { inputs: readonly string[]; output: string; attributes?: readonly Field[] },
): Field {
  return message(1, ...inputs.map((name) => bytes(1, name)), bytes(2, output), bytes(3, output), bytes(4, type), ...attributes);
}

function int(name: string, number: number): Field {
  return message(5, bytes(1, name), integer(3, number), integer(20, INT_ATTRIBUTE));
}

function ints(name: string, numbers: readonly number[]): Field {
  return message(5, bytes(1, name), ...numbers.map((number) => integer(8, number)), integer(20, INTS_ATTRIBUTE));
}

function initialiser(name: string, dims: readonly number[], place: RowsPlace): Field {
  const entry = (key: string, text: string): Field => message(13, bytes(1, key), bytes(2, text));
  return message(
    5,
    ...dims.map((dim) => integer(1, dim)),
    integer(2, FLOAT),
    bytes(8, name),
    ...("bytes" in place
      ? [bytes(9, place.bytes)]
      : [
          entry("location", place.file),
          entry("offset", String(place.offset)),
          entry("length", String(place.length)),
          integer(14, EXTERNAL),
        ]),
  );
}

function value(field: number, name: string, { type, shape }: { type: number; shape: readonly (number | string)[] }): Field {
  const dims = shape.map((dim) => message(1, typeof dim === "number" ? integer(1, dim) : bytes(2, dim)));
  return message(field, bytes(1, name), message(2, message(1, integer(1, type), message(2, ...dims))));
}
