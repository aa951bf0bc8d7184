import type { OnnxNode } from "../tables/onnx-model.js";
import { GraphMap } from "./graph-map.js";
import { type IndexSource, traceIndices } from "./indices.js";
import { type GraphLookup, POOLINGS } from "./lookup.js";

/**
 * torch's EmbeddingBag, as its exporter writes it: a Loop over the bags.
 * ```
 *   ends = Slice(begins, 1...)                       begins: Concat(offsets, [number of indices]), or offsets with the last one
 *   Loop over n:  Reduce(Gather(table, Slice(indices, Unsqueeze(Gather(begins, n)), Unsqueeze(Gather(ends, n)))), axis 0)
 * ```
 * @returns undefined where the node is no loop that reads a table, a text that says why it cannot be cut
 */
export function readBagLoop(map: GraphMap, node: OnnxNode, dims: ReadonlyMap<string, number>): GraphLookup | string | undefined {
  const body = node.attributes.get("body")?.g;
  const inner = body === undefined ? undefined : body.nodes.filter(({ opType, inputs: [data] }) => opType === "Gather" && dims.has(data));
  if (node.opType !== "Loop" || body === undefined || inner === undefined || inner.length === 0) return undefined;
  const [gather] = inner;
  const [table] = gather.inputs;
  const dim = dims.get(table);
  if (inner.length !== 1 || body.outputs.length !== 2 || node.outputs.length !== 1 || dim === undefined) {
    return "a loop that does more than pool the bags of one table";
  }
  const bodyMap = new GraphMap(map.source, body, map);
  const reduce = bodyMap.producer(body.outputs[1].name);
  const pooling = reduce !== undefined && Object.hasOwn(POOLINGS, reduce.opType) ? POOLINGS[reduce.opType] : undefined;
  const axes = reduce === undefined ? undefined : bodyMap.axes(reduce, 1);
  const keepDims = (reduce?.attributes.get("keepdims")?.i ?? 1n) !== 0n;
  if (reduce?.inputs[0] !== gather.outputs[0] || pooling === undefined || axes?.length !== 1 || axes[0] !== 0 || keepDims) {
    return `a loop that does not end in ReduceSum, ReduceMean or ReduceMax of the bag's rows (weights of a sample cannot be cut out)`;
  }
  const slice = bodyMap.producer(gather.inputs[1]);
  const [begins, ends] =
    slice?.opType === "Slice" && bodyMap.integer(slice.inputs[3]) === 0 ? [1, 2].map((n) => boundsOf(bodyMap, slice.inputs[n])) : [];
  if (slice === undefined || begins === undefined || ends === undefined || !isShifted(map, ends, begins))
    return "a loop whose bags are no slices of one list of indices";
  return readBags(map, { indices: slice.inputs[0], begins, lookup: { table, pooling, output: node.outputs[0] }, dim });
}

/** The list that Unsqueeze(Gather(list, iteration)) takes a bound of. */
function boundsOf(map: GraphMap, name: string): string | undefined {
  const unsqueeze = map.producer(name);
  const gather = unsqueeze?.opType === "Unsqueeze" ? map.producer(unsqueeze.inputs[0]) : undefined;
  return gather?.opType === "Gather" && gather.inputs[1] === map.graph.inputs[0]?.name ? gather.inputs[0] : undefined;
}

/** Whether `ends` is `begins` from its second value on. */
function isShifted(map: GraphMap, ends: string, begins: string): boolean {
  const slice = map.producer(ends);
  if (slice?.opType !== "Slice" || slice.inputs[0] !== begins) return false;
  const [start, end, axis, step] = [1, 2, 3, 4].map((n) => map.integer(slice.inputs[n]));
  return start === 1 && end !== undefined && end > 2 ** 31 && (axis ?? 0) === 0 && (step ?? 1) === 1;
}

interface Bags {
  indices: string;
  begins: string;
  lookup: Pick<GraphLookup, "table" | "pooling" | "output">;
  dim: number;
}

function readBags(map: GraphMap, { indices, begins, lookup, dim }: Bags): GraphLookup | string {
  const concat = map.producer(begins);
  const offsets = concat?.opType === "Concat" && concat.inputs.length === 2 ? concat.inputs[0] : begins;
  const range = map.producer(offsets);
  if (range?.opType === "Range") {
    const source = matrixSource(map, indices, range);
    if (source === undefined) return "a loop over a range that is not the rows of a matrix of indices";
    return { ...lookup, indices: source, bags: "sample", shape: [source.shape[0], dim] };
  }
  const source = traceIndices(map, indices);
  if (typeof source === "string") return source;
  const from = traceIndices(map, offsets);
  if (typeof from === "string") return from;
  if (from.select.length > 0 || from.shape.length !== 1 || source.shape.length !== 1) return "offsets or indices that are no list";
  const includeLastOffset = concat?.opType !== "Concat";
  return {
    ...lookup,
    indices: source,
    bags: { offsets: from.input, includeLastOffset },
    shape: [includeLastOffset ? undefined : from.shape[0], dim],
  };
}

/** A matrix of indices whose rows are the bags: Reshape(matrix, [-1]) and Range(0, its size, its second extent). */
function matrixSource(map: GraphMap, indices: string, range: OnnxNode): IndexSource | undefined {
  const reshape = map.producer(indices);
  if (reshape?.opType !== "Reshape" || map.integer(reshape.inputs[1]) !== -1 || map.integer(range.inputs[0]) !== 0) return undefined;
  let extent = map.producer(range.inputs[2]);
  if (extent?.opType === "Cast") extent = map.producer(extent.inputs[0]);
  const shape = extent?.opType === "Gather" && map.integer(extent.inputs[1]) === 1 ? map.producer(extent.inputs[0]) : undefined;
  if (shape?.opType !== "Shape" || shape.inputs[0] !== reshape.inputs[0]) return undefined;
  const source = traceIndices(map, reshape.inputs[0]);
  return typeof source !== "string" && source.shape.length === 2 ? source : undefined;
}
