import { fileError, quote } from "../tables/fault.js";
import type { ExternalFiles } from "../tables/onnx-data.js";
import { GRAPH, MODEL, ONNX_TYPE, type OnnxModel, type OnnxNode, type OnnxTensor, TENSOR, VALUE } from "../tables/onnx-model.js";
import type { ByteRange } from "../tables/stream.js";
import { type GraphMap, label, readBy } from "./graph-map.js";
import type { GraphLookup } from "./lookup.js";
import { bytesField, numberField, type Piece } from "./protobuf-writer.js";

/** What is left of a graph when lookups have become inputs. */
export interface DensePart {
  /** Those that an output depends on. */
  lookups: readonly GraphLookup[];
  nodes: ReadonlySet<OnnxNode>;
  initializers: ReadonlySet<string>;
  /** Inputs of the model that it still reads. */
  inputs: ReadonlySet<string>;
}

/**
 * The nodes that the outputs still need when the lookups' outputs are given.
 * @throws EmbeddingError EMBEDDING_FILE naming the node that reads a table in another way as well
 */
export function densePart(map: GraphMap, lookups: readonly GraphLookup[], tables: ReadonlySet<string>): DensePart {
  const given = new Map(lookups.map((lookup) => [lookup.output, lookup]));
  const reached = new Set<GraphLookup>();
  const nodes = new Set<OnnxNode>();
  const initializers = new Set<string>();
  const inputs = new Set<string>();
  const seen = new Set<string>();
  const open = map.graph.outputs.map(({ name }) => ({ name, by: undefined as OnnxNode | undefined }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { name, by } = next;
    if (given.has(name) && by === undefined) {
      throw fileError(map.path, {
        where: `output ${quote(name)}`,
        got: "the rows of a table as they are",
        expected: "an output that a dense part makes",
      });
    }
    if (tables.has(name)) {
      const where = by === undefined ? `output ${quote(name)}` : label(by);
      throw fileError(map.path, {
        where,
        got: `table ${quote(name)}, which lookups read as well`,
        expected: "lookups alone; --leave TABLE keeps a table in the dense part",
      });
    }
    if (seen.has(name)) continue;
    seen.add(name);
    const lookup = given.get(name);
    if (lookup !== undefined) {
      reached.add(lookup);
      continue;
    }
    const node = map.producer(name);
    if (node === undefined) {
      if (map.initializer(name) !== undefined) initializers.add(name);
      else if (map.modelInput(name) !== undefined) inputs.add(name);
      continue;
    }
    if (nodes.has(node)) continue;
    nodes.add(node);
    for (const read of readBy(node)) open.push({ name: read, by: node });
  }
  return { lookups: lookups.filter((lookup) => reached.has(lookup)), nodes, initializers, inputs };
}

/** The dense model, message by message: what stays is copied as it is, lookups become inputs of floats. External data moves in. */
export async function denseModel(model: OnnxModel, part: DensePart, external: ExternalFiles): Promise<Piece[]> {
  const { reader, range } = model;
  const pieces: Piece[] = [];
  for (const field of reader.fields(range, "model")) {
    if (field.number === MODEL.graph) pieces.push(...bytesField(MODEL.graph, await denseGraph(model, part, external)));
    else pieces.push(copyOf(model, field.tagAt, field.end));
  }
  return pieces;
}

async function denseGraph(model: OnnxModel, part: DensePart, external: ExternalFiles): Promise<Piece[]> {
  const { reader, graph } = model;
  const kept = new Set([...part.nodes].map(({ range }) => range.start));
  const values = new Set([...part.nodes].flatMap(({ outputs }) => outputs));
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.range.start, tensor]));
  const pieces: Piece[] = [];
  for (const field of reader.fields(graph.range, "graph")) {
    const copy = copyOf(model, field.tagAt, field.end);
    if (field.number === GRAPH.node) {
      if (kept.has(field.start)) pieces.push(copy);
    } else if (field.number === GRAPH.initializer) {
      const tensor = tensors.get(field.start);
      if (tensor !== undefined && part.initializers.has(tensor.name)) {
        pieces.push(...(tensor.external === undefined ? [copy] : bytesField(GRAPH.initializer, await inlined(model, tensor, external))));
      }
    } else if (field.number === GRAPH.input || field.number === GRAPH.valueInfo) {
      const name = nameOf(model, field);
      const stays = field.number === GRAPH.input ? part.inputs.has(name) || part.initializers.has(name) : values.has(name);
      if (stays) pieces.push(copy);
    } else pieces.push(copy);
  }
  for (const [at, lookup] of part.lookups.entries()) pieces.push(...bytesField(GRAPH.input, lookupInput(lookup, at)));
  return pieces;
}

function nameOf({ reader }: OnnxModel, field: { start: number; end: number }): string {
  for (const inner of reader.fields(field, "value")) if (inner.number === VALUE.name) return reader.text(inner);
  return "";
}

/** A tensor whose values lay in another file, with raw_data instead. */
async function inlined({ file, reader }: OnnxModel, tensor: OnnxTensor, external: ExternalFiles): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for (const field of reader.fields(tensor.range, "tensor")) {
    if (field.number !== TENSOR.externalData && field.number !== TENSOR.location) pieces.push(copyOf({ file }, field.tagAt, field.end));
  }
  return [...pieces, ...bytesField(TENSOR.rawData, [await external.find(tensor)])];
}

/** ValueInfoProto of floats. An extent that is not known has a name of its own. */
function lookupInput({ output, shape }: GraphLookup, at: number): Piece[] {
  const dims = shape.flatMap((extent, axis) => {
    const dim = typeof extent === "number" ? numberField(1, extent) : bytesField(2, extent || `lookup_${at}_${axis}`);
    return bytesField(1, dim);
  });
  const tensorType = [...numberField(1, ONNX_TYPE.FLOAT), ...bytesField(2, dims)];
  return [...bytesField(VALUE.name, output), ...bytesField(VALUE.type, bytesField(1, tensorType))];
}

function copyOf({ file }: Pick<OnnxModel, "file">, start: number, end: number): ByteRange {
  return { file, offset: start, count: end - start };
}
