import { fileError, quote } from "../tables/fault.js";
import { ONNX_TYPE, type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxTensor, type OnnxValue } from "../tables/onnx-model.js";

/** Constants that say where and which axis are a handful of numbers; larger ones are none of these. */
const MOST_CONSTANT_VALUES = 64;

/** Who makes and who reads the values of a graph; and the values of small whole-number constants, those of the graphs around it included. */
export class GraphMap {
  readonly graph: OnnxGraph;
  readonly path: string;
  /** The file and its reader. */
  readonly source: Pick<OnnxModel, "reader" | "file">;
  readonly #outer: GraphMap | undefined;
  readonly #producers = new Map<string, OnnxNode>();
  readonly #readers = new Map<string, OnnxNode[]>();
  readonly #initializers: ReadonlyMap<string, OnnxTensor>;
  readonly #inputs: ReadonlyMap<string, OnnxValue>;

  constructor(source: Pick<OnnxModel, "reader" | "file">, graph: OnnxGraph, outer?: GraphMap) {
    this.graph = graph;
    this.path = source.file.path;
    this.source = source;
    this.#outer = outer;
    this.#initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
    // Old exporters list initialisers among the inputs.
    this.#inputs = new Map(graph.inputs.filter(({ name }) => !this.#initializers.has(name)).map((value) => [value.name, value]));
    for (const node of graph.nodes) {
      for (const output of node.outputs) {
        if (output === "") continue;
        if (this.#producers.has(output)) {
          throw fileError(this.path, {
            where: label(node),
            got: `the output ${quote(output)}, which another node gives too`,
            expected: "each once",
          });
        }
        this.#producers.set(output, node);
      }
      for (const name of readBy(node)) {
        const readers = this.#readers.get(name) ?? [];
        readers.push(node);
        this.#readers.set(name, readers);
      }
    }
  }

  /** The node that gives a value, here or further out. */
  producer(name: string): OnnxNode | undefined {
    return this.#producers.get(name) ?? (this.#inputs.has(name) ? undefined : this.#outer?.producer(name));
  }

  /** Nodes that read a value, themselves or in a graph within them. */
  readers(name: string): readonly OnnxNode[] {
    return this.#readers.get(name) ?? [];
  }

  initializer(name: string): OnnxTensor | undefined {
    return this.#initializers.get(name) ?? this.#outer?.initializer(name);
  }

  /** An input of the model itself. */
  modelInput(name: string): OnnxValue | undefined {
    return this.#outer === undefined
      ? this.#inputs.get(name)
      : this.#producers.has(name) || this.#inputs.has(name)
        ? undefined
        : this.#outer.modelInput(name);
  }

  isOutput(name: string): boolean {
    return this.graph.outputs.some((output) => output.name === name);
  }

  /** The values of a whole-number constant, or undefined if `name` is none. */
  integers(name: string | undefined): number[] | undefined {
    if (name === undefined) return undefined;
    const node = this.producer(name);
    if (node !== undefined && node.opType !== "Constant") return undefined;
    const tensor = node === undefined ? this.initializer(name) : node.attributes.get("value")?.t;
    if (tensor === undefined) return undefined;
    if (tensor.integers !== undefined) return tensor.integers.length > MOST_CONSTANT_VALUES ? undefined : tensor.integers.map(Number);
    const size = tensor.dataType === ONNX_TYPE.INT64 ? 8 : tensor.dataType === ONNX_TYPE.INT32 ? 4 : undefined;
    const { data } = tensor;
    if (
      size === undefined ||
      data === undefined ||
      data.end - data.start > MOST_CONSTANT_VALUES * size ||
      (data.end - data.start) % size !== 0
    )
      return undefined;
    const bytes = this.source.reader.bytes(data);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Array.from({ length: bytes.length / size }, (_, n) =>
      size === 8 ? Number(view.getBigInt64(n * 8, true)) : view.getInt32(n * 4, true),
    );
  }

  /** The one whole number of a constant with a single value. */
  integer(name: string | undefined): number | undefined {
    const values = this.integers(name);
    return values?.length === 1 ? values[0] : undefined;
  }

  /** Axes of a reduction or slice: an attribute in old operator sets, an input since. */
  axes(node: OnnxNode, input: number): number[] | undefined {
    const attribute = node.attributes.get("axes");
    if (attribute !== undefined) return attribute.ints.map(Number);
    return this.integers(node.inputs[input] || undefined);
  }
}

/** All names that a node reads: its inputs, and what the graphs within it take from outside. */
export function readBy(node: OnnxNode): Set<string> {
  const names = new Set(node.inputs.filter((name) => name !== ""));
  for (const { g } of node.attributes.values()) if (g !== undefined) for (const name of capturedBy(g)) names.add(name);
  return names;
}

function capturedBy(graph: OnnxGraph): Set<string> {
  const own = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name));
  for (const node of graph.nodes) for (const output of node.outputs) own.add(output);
  const names = new Set<string>();
  for (const node of graph.nodes) for (const name of readBy(node)) if (!own.has(name)) names.add(name);
  for (const { name } of graph.outputs) if (!own.has(name)) names.add(name);
  return names;
}

/** A node as messages name it. */
export function label({ name, opType, outputs }: OnnxNode): string {
  return `node ${quote(name === "" ? `-> ${outputs[0] ?? ""}` : name)} (${quote(opType).slice(1, -1)})`;
}
