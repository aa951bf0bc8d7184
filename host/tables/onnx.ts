import { fileError, quote } from "./fault.js";
import type { TableFile } from "./file.js";
import { productOf, whyNoTable } from "./limits.js";
import { ExternalFiles, elementsOf } from "./onnx-data.js";
import { type OnnxGraph, type OnnxModel, type OnnxTensor, readOnnxModel } from "./onnx-model.js";
import { floatRows } from "./rows.js";
import type { FileTable, FoundTables, LeftOut } from "./types.js";

/**
 * The embedding tables among a model's initialisers, in the graph's order: the 2-D ones of floats that a Gather along axis 0 or torch's
 * embedding_bag reads rows of, in the graph or in a loop's body; where no node does that, all 2-D ones of floats.
 * @throws (rejects) EmbeddingError EMBEDDING_FILE
 */
export function readOnnx(file: TableFile, keep: (file: TableFile) => void): Promise<FoundTables> {
  return readOnnxTables(readOnnxModel(file), new ExternalFiles(file, keep));
}

/** As readOnnx, of a model whose messages are read already. */
export async function readOnnxTables({ file, graph }: OnnxModel, external: ExternalFiles): Promise<FoundTables> {
  const looked = lookedUp(graph);
  const names = new Set<string>();
  const candidates = graph.initializers.map((tensor) => {
    if (names.has(tensor.name))
      throw fileError(file.path, { got: `the initialiser ${quote(tensor.name)} twice`, expected: "each name once" });
    names.add(tensor.name);
    if (productOf(tensor.dims) === undefined) {
      const got = `dims [${tensor.dims.slice(0, 8).join(", ")}]`;
      throw fileError(file.path, { where: `initialiser ${quote(tensor.name)}`, got, expected: "whole numbers with a product below 2^53" });
    }
    return { tensor, reason: whyNot(tensor) };
  });
  const anyLookedUp = candidates.some(({ tensor, reason }) => reason === undefined && looked.has(tensor.name));
  const tables: FileTable[] = [];
  const leftOut: LeftOut[] = [];
  for (const { tensor, reason } of candidates) {
    const { name, dims } = tensor;
    const elements = elementsOf(tensor);
    if (reason !== undefined || elements === undefined || (anyLookedUp && !looked.has(name))) {
      leftOut.push({ name, reason: reason ?? "no Gather or EmbeddingBag reads rows of it" });
      continue;
    }
    const [numRows, dim] = dims;
    const range = await external.find(tensor);
    const rows = floatRows({ file: range.file, offset: range.offset, valueCount: numRows * dim, type: elements.type });
    tables.push({ name, numRows, dim, rows, stored: { type: elements.word, file: range.file.path, bytes: range.count } });
  }
  return { format: "onnx", tables, leftOut };
}

function whyNot(tensor: OnnxTensor): string | undefined {
  if (tensor.name === "") return "no name";
  if (elementsOf(tensor) === undefined) return `element type ${tensor.dataType}, rows are FLOAT, FLOAT16, BFLOAT16 or DOUBLE`;
  return whyNoTable(tensor.dims);
}

/** Names that a node reads rows of, through Identity nodes and into the graphs of loops and branches. */
function lookedUp(graph: OnnxGraph, outer: ReadonlyMap<string, string> = new Map()): Set<string> {
  const found = new Set<string>();
  const same = new Map(outer);
  for (const { opType, inputs, outputs, attributes } of graph.nodes) {
    const data = inputs[0] === undefined ? undefined : (same.get(inputs[0]) ?? inputs[0]);
    if (data !== undefined) {
      if (opType === "Identity" && outputs.length === 1) same.set(outputs[0], data);
      else if (opType === "Gather" && isRowAxis(attributes.get("axis")?.i)) found.add(data);
      else if (opType === "ATen" && attributes.get("operator")?.s === "embedding_bag") found.add(data);
    }
    for (const { g } of attributes.values()) if (g !== undefined) for (const name of lookedUp(g, same)) found.add(name);
  }
  return found;
}

/** Axis 0 of two, which is the default. */
function isRowAxis(axis = 0n): boolean {
  return axis === 0n || axis === -2n;
}
