import type { Pooling } from "../options.js";
import { fileError, quote } from "../tables/fault.js";
import type { OnnxNode, OnnxTensor } from "../tables/onnx-model.js";
import { readBagLoop } from "./bag-loop.js";
import { type GraphMap, label } from "./graph-map.js";
import { position, traceIndices } from "./indices.js";
import { type GraphLookup, POOLINGS } from "./lookup.js";

/**
 * The lookups that read rows of `tables`, in the order of the graph's nodes.
 * @throws EmbeddingError EMBEDDING_FILE naming the node that reads a table in a way that is no lookup of ours
 */
export function findLookups(map: GraphMap, tables: readonly OnnxTensor[]): GraphLookup[] {
  const dims = new Map(tables.map(({ name, dims: [, dim] }) => [name, dim]));
  const lookups: GraphLookup[] = [];
  for (const node of map.graph.nodes) {
    const loop = readBagLoop(map, node, dims);
    if (loop !== undefined) {
      lookups.push(typeof loop === "string" ? refuse(map, node, loop) : loop);
      continue;
    }
    const [table] = node.inputs;
    const dim = dims.get(table);
    if (dim === undefined || node.opType !== "Gather" || node.inputs.length !== 2) continue;
    const found = readGather(map, node, { table, dim });
    lookups.push(typeof found === "string" ? refuse(map, node, found) : found);
  }
  return lookups;
}

function refuse(map: GraphMap, node: OnnxNode, why: string): never {
  throw fileError(map.path, {
    where: label(node),
    got: why,
    expected: "a lookup that can be cut out, see docs/files.md; --leave TABLE keeps a table in the dense part",
  });
}

/** A Gather along axis 0, and the reduction of its bags if that is all that reads it. */
function readGather(map: GraphMap, node: OnnxNode, { table, dim }: { table: string; dim: number }): GraphLookup | string {
  if (position(Number(node.attributes.get("axis")?.i ?? 0n), 2) !== 0) return `table ${quote(table)} read along axis 1`;
  const indices = traceIndices(map, node.inputs[1]);
  if (typeof indices === "string") return indices;
  const { shape } = indices;
  if (shape.length === 0) return "one index without a batch";
  const [output] = node.outputs;
  const readers = map.readers(output);
  if (readers.length === 1 && !map.isOutput(output) && shape.length === 2) {
    const pooled = readReduction(map, readers[0], shape.length);
    if (pooled !== undefined) {
      const { pooling, keepDims } = pooled;
      return { table, pooling, indices, bags: "sample", output: readers[0].outputs[0], shape: [shape[0], ...(keepDims ? [1] : []), dim] };
    }
  }
  // One index a sample is a bag of one; several that nobody pools are rows as they are.
  const isOne = shape.slice(1).every((extent) => extent === 1);
  return { table, pooling: isOne ? "sum" : "none", indices, bags: "sample", output, shape: [...shape, dim] };
}

/** The pooling that a node does over `axis` alone. */
function readReduction(map: GraphMap, node: OnnxNode, rank: number): { pooling: Pooling; keepDims: boolean } | undefined {
  const pooling = Object.hasOwn(POOLINGS, node.opType) ? POOLINGS[node.opType] : undefined;
  const axes = map.axes(node, 1);
  // Rows of a bag lie along the last axis of the indices; the values of a row come behind it.
  if (pooling === undefined || axes?.length !== 1 || position(axes[0], rank + 1) !== rank - 1) return undefined;
  return { pooling, keepDims: (node.attributes.get("keepdims")?.i ?? 1n) !== 0n };
}
