import { fileError, quote } from "./fault.js";
import type { TableFile } from "./file.js";
import { BYTES, FIXED32, type ProtoField, type ProtoRange, ProtoReader, VARINT } from "./protobuf.js";

/**
 * The parts of ONNX's messages that tables and cuts need, by field number: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * Whatever else a message has stays in the file, where its range tells.
 */
export const MODEL = { graph: 7 } as const;
export const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12, valueInfo: 13 } as const;
const NODE = { input: 1, output: 2, name: 3, opType: 4, attribute: 5, domain: 7 } as const;
const ATTRIBUTE = { name: 1, i: 3, s: 4, t: 5, g: 6, ints: 8 } as const;
export const TENSOR = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  int32Data: 5,
  int64Data: 7,
  name: 8,
  rawData: 9,
  doubleData: 10,
  externalData: 13,
  location: 14,
} as const;
const ENTRY = { key: 1, value: 2 } as const;
export const VALUE = { name: 1, type: 2 } as const;
const TYPE = { tensor: 1 } as const;
const TENSOR_TYPE = { elemType: 1, shape: 2 } as const;
const SHAPE = { dim: 1 } as const;
const DIM = { value: 1, param: 2 } as const;
const EXTERNAL = 1n;
/** Longer constants say nothing about where and which axis. */
const MOST_CONSTANT_BYTES = 1024;
/** Graphs within nodes of graphs. */
const MOST_DEPTH = 8;

/** TensorProto.DataType. */
export const ONNX_TYPE = { FLOAT: 1, INT32: 6, INT64: 7, FLOAT16: 10, DOUBLE: 11, BFLOAT16: 16 } as const;

export interface OnnxTensor {
  name: string;
  dims: number[];
  dataType: number;
  /** Where raw_data, packed float_data or packed double_data lies in the model's file. */
  data: ProtoRange | undefined;
  /** int64_data, for the small constants that nodes take. */
  integers: bigint[] | undefined;
  /** Key and value pairs: location, offset, length. */
  external: Map<string, string> | undefined;
  /** The whole message, without tag. */
  range: ProtoRange;
}

export interface OnnxAttribute {
  i: bigint | undefined;
  s: string | undefined;
  ints: bigint[];
  t: OnnxTensor | undefined;
  g: OnnxGraph | undefined;
}

export interface OnnxNode {
  name: string;
  opType: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: Map<string, OnnxAttribute>;
  range: ProtoRange;
}

/** An input or output of a graph, or a value within it. */
export interface OnnxValue {
  name: string;
  elemType: number | undefined;
  /** A number, a symbol's name, or undefined for unknown; undefined in all where the rank is unknown. */
  shape: (number | string | undefined)[] | undefined;
}

export interface OnnxGraph {
  name: string;
  nodes: OnnxNode[];
  initializers: OnnxTensor[];
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  /** Types and shapes of values within the graph, as far as the exporter left them. */
  values: OnnxValue[];
  range: ProtoRange;
}

export interface OnnxModel {
  file: TableFile;
  reader: ProtoReader;
  graph: OnnxGraph;
  /** The whole file. */
  range: ProtoRange;
}

/** Reads all of a model but the contents of its tensors. @throws EmbeddingError EMBEDDING_FILE */
export function readOnnxModel(file: TableFile): OnnxModel {
  const reader = new ProtoReader(file);
  const range = { start: 0, end: file.sizeBytes };
  let graph: OnnxGraph | undefined;
  for (const field of reader.fields(range, "model")) {
    if (field.number !== MODEL.graph) continue;
    if (graph !== undefined) throw fileError(file.path, { got: "two graphs", expected: "an ONNX model, which has one" });
    graph = readGraph(reader, reader.message(field, "model"), 0);
  }
  if (graph === undefined) throw fileError(file.path, { got: "no graph", expected: "an ONNX model, which has one" });
  return { file, reader, graph, range };
}

function readGraph(reader: ProtoReader, range: ProtoRange, depth: number): OnnxGraph {
  if (depth > MOST_DEPTH) throw fileError(reader.file.path, { got: `graphs nested more than ${MOST_DEPTH} deep`, expected: "fewer" });
  const graph: OnnxGraph = { name: "", nodes: [], initializers: [], inputs: [], outputs: [], values: [], range };
  for (const field of reader.fields(range, "graph")) {
    if (field.number === GRAPH.name) graph.name = textOf(reader, field, "graph");
    else if (field.number === GRAPH.node) graph.nodes.push(readNode(reader, reader.message(field, "node"), depth));
    else if (field.number === GRAPH.initializer) graph.initializers.push(readTensor(reader, reader.message(field, "initializer")));
    else if (field.number === GRAPH.input) graph.inputs.push(readValue(reader, reader.message(field, "input")));
    else if (field.number === GRAPH.output) graph.outputs.push(readValue(reader, reader.message(field, "output")));
    else if (field.number === GRAPH.valueInfo) graph.values.push(readValue(reader, reader.message(field, "value_info")));
  }
  return graph;
}

function readNode(reader: ProtoReader, range: ProtoRange, depth: number): OnnxNode {
  reader.count();
  const node: OnnxNode = { name: "", opType: "", domain: "", inputs: [], outputs: [], attributes: new Map(), range };
  for (const field of reader.fields(range, "node")) {
    if (field.number === NODE.input) node.inputs.push(textOf(reader, field, "node"));
    else if (field.number === NODE.output) node.outputs.push(textOf(reader, field, "node"));
    else if (field.number === NODE.name) node.name = textOf(reader, field, "node");
    else if (field.number === NODE.opType) node.opType = textOf(reader, field, "node");
    else if (field.number === NODE.domain) node.domain = textOf(reader, field, "node");
    else if (field.number === NODE.attribute) {
      const { name, attribute } = readAttribute(reader, reader.message(field, "attribute"), depth);
      node.attributes.set(name, attribute);
    }
  }
  return node;
}

function readAttribute(reader: ProtoReader, range: ProtoRange, depth: number): { name: string; attribute: OnnxAttribute } {
  let name = "";
  reader.count();
  const attribute: OnnxAttribute = { i: undefined, s: undefined, ints: [], t: undefined, g: undefined };
  for (const field of reader.fields(range, "attribute")) {
    if (field.number === ATTRIBUTE.name) name = textOf(reader, field, "attribute");
    else if (field.number === ATTRIBUTE.i) attribute.i = integerOf(reader, field, "attribute");
    else if (field.number === ATTRIBUTE.s) attribute.s = textOf(reader, field, "attribute");
    else if (field.number === ATTRIBUTE.ints) for (const value of reader.integers(field, "attribute")) attribute.ints.push(value);
    else if (field.number === ATTRIBUTE.t) attribute.t = readTensor(reader, reader.message(field, "attribute"));
    else if (field.number === ATTRIBUTE.g) attribute.g = readGraph(reader, reader.message(field, "attribute"), depth + 1);
  }
  return { name, attribute };
}

function readTensor(reader: ProtoReader, range: ProtoRange): OnnxTensor {
  reader.count();
  const tensor: OnnxTensor = { name: "", dims: [], dataType: 0, data: undefined, integers: undefined, external: undefined, range };
  let pieces = 0;
  let isExternal = false;
  for (const field of reader.fields(range, "tensor")) {
    if (field.number === TENSOR.name) tensor.name = textOf(reader, field, "tensor");
    else if (field.number === TENSOR.dims) for (const dim of reader.integers(field, "tensor")) tensor.dims.push(Number(dim));
    else if (field.number === TENSOR.dataType) tensor.dataType = Number(integerOf(reader, field, "tensor"));
    else if (field.number === TENSOR.location) isExternal = integerOf(reader, field, "tensor") === EXTERNAL;
    else if (field.number === TENSOR.rawData || field.number === TENSOR.floatData || field.number === TENSOR.doubleData) {
      pieces += 1;
      if (field.wire === FIXED32 || pieces > 1) pieces = 2;
      tensor.data = { start: field.start, end: field.end };
    } else if ((field.number === TENSOR.int64Data || field.number === TENSOR.int32Data) && field.end - field.start <= MOST_CONSTANT_BYTES) {
      tensor.integers ??= [];
      for (const value of reader.integers(field, "tensor")) tensor.integers.push(value);
    } else if (field.number === TENSOR.externalData) {
      tensor.external ??= new Map();
      readEntry(reader, reader.message(field, "tensor"), tensor.external);
    }
  }
  if (pieces > 1) {
    const where = `tensor ${quote(tensor.name)}`;
    throw fileError(reader.file.path, { where, got: "values in several pieces", expected: "one: raw_data, or packed float_data" });
  }
  if (!isExternal) tensor.external = undefined;
  else tensor.external ??= new Map();
  return tensor;
}

function readEntry(reader: ProtoReader, range: ProtoRange, into: Map<string, string>): void {
  let key = "";
  let value = "";
  for (const field of reader.fields(range, "external_data")) {
    if (field.number === ENTRY.key) key = textOf(reader, field, "external_data");
    else if (field.number === ENTRY.value) value = textOf(reader, field, "external_data");
  }
  into.set(key, value);
}

function readValue(reader: ProtoReader, range: ProtoRange): OnnxValue {
  reader.count();
  const value: OnnxValue = { name: "", elemType: undefined, shape: undefined };
  for (const field of reader.fields(range, "value")) {
    if (field.number === VALUE.name) value.name = textOf(reader, field, "value");
    else if (field.number === VALUE.type) {
      for (const type of reader.fields(reader.message(field, "value"), "type")) {
        if (type.number === TYPE.tensor) readTensorType(reader, reader.message(type, "type"), value);
      }
    }
  }
  return value;
}

function readTensorType(reader: ProtoReader, range: ProtoRange, value: OnnxValue): void {
  for (const field of reader.fields(range, "tensor type")) {
    if (field.number === TENSOR_TYPE.elemType) value.elemType = Number(integerOf(reader, field, "tensor type"));
    else if (field.number === TENSOR_TYPE.shape) {
      value.shape = [];
      for (const dim of reader.fields(reader.message(field, "tensor type"), "shape")) {
        if (dim.number === SHAPE.dim) value.shape.push(readDim(reader, reader.message(dim, "shape")));
      }
    }
  }
}

function readDim(reader: ProtoReader, range: ProtoRange): number | string | undefined {
  let dim: number | string | undefined;
  for (const field of reader.fields(range, "dimension")) {
    if (field.number === DIM.value) dim = Number(integerOf(reader, field, "dimension"));
    else if (field.number === DIM.param) dim = textOf(reader, field, "dimension");
  }
  return dim;
}

function textOf(reader: ProtoReader, field: ProtoField, what: string): string {
  if (field.wire !== BYTES) throw reader.unexpected(field, what);
  return reader.text(field);
}

function integerOf(reader: ProtoReader, field: ProtoField, what: string): bigint {
  if (field.wire !== VARINT) throw reader.unexpected(field, what);
  return BigInt.asIntN(64, field.value);
}
