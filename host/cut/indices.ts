import type { OnnxNode } from "../tables/onnx-model.js";
import type { GraphMap } from "./graph-map.js";

/** An extent of a shape: a number, the name of one that is not fixed, or unknown. */
export type Extent = number | string | undefined;

/** One step from an input to indices: one position of an axis, which goes, or a range of it, which stays. Counted from 0, end not included. */
export type Selection = { axis: number; index: number } | { axis: number; start: number; end: number };

/** Where the indices of a lookup come from. */
export interface IndexSource {
  /** An input of the model. */
  input: string;
  /** Applied one after the other. */
  select: Selection[];
  /** Of the indices, after the selections. */
  shape: Extent[];
}

/** Follows indices back to an input of the model, through casts and constant selections. A text says what stands in the way. */
export function traceIndices(map: GraphMap, name: string): IndexSource | string {
  const value = map.modelInput(name);
  if (value !== undefined) {
    if (value.shape === undefined) return `input ${JSON.stringify(name)} without a shape`;
    return { input: name, select: [], shape: [...value.shape] };
  }
  const node = map.producer(name);
  if (node === undefined) return `indices ${JSON.stringify(name)} that no input of the model gives`;
  const within = node.inputs[0] === undefined ? "no input" : traceIndices(map, node.inputs[0]);
  if (typeof within === "string") return within;
  if (node.opType === "Cast" || node.opType === "Identity") return within;
  const selection = selectionOf(map, node, within.shape);
  if (selection === undefined)
    return `indices that ${node.opType} makes; known are Cast, Identity, and Gather, Slice, Squeeze with constants`;
  return { ...within, select: [...within.select, selection], shape: shapeAfter(within.shape, selection) };
}

function selectionOf(map: GraphMap, node: OnnxNode, shape: readonly Extent[]): Selection | undefined {
  if (node.opType === "Gather") {
    const axis = position(Number(node.attributes.get("axis")?.i ?? 0n), shape.length);
    const index = map.integer(node.inputs[1]);
    // A constant of one dimension would keep the axis: its rank is not known here, so it must be a scalar's one.
    if (axis === undefined || index === undefined || !isScalar(map, node.inputs[1])) return undefined;
    const at = index < 0 ? position(index, shape[axis]) : index;
    return at === undefined ? undefined : { axis, index: at };
  }
  if (node.opType === "Squeeze") {
    const axes = map.axes(node, 1);
    const axis = axes?.length === 1 ? position(axes[0], shape.length) : undefined;
    return axis !== undefined && shape[axis] === 1 ? { axis, index: 0 } : undefined;
  }
  if (node.opType !== "Slice") return undefined;
  const [start, end, axisGiven, step] = [1, 2, 3, 4].map((n) => map.integer(node.inputs[n]));
  const axis = position(axisGiven ?? 0, shape.length);
  if (start === undefined || end === undefined || axis === undefined || (step ?? 1) !== 1 || (node.inputs[3] && axisGiven === undefined))
    return undefined;
  const size = shape[axis];
  const from = start < 0 ? position(start, size) : start;
  const to = typeof size === "number" ? Math.min(size, end < 0 ? end + size : end) : end;
  if (from === undefined || to <= from || !Number.isSafeInteger(to)) return undefined;
  return { axis, start: from, end: to };
}

function isScalar(map: GraphMap, name: string): boolean {
  const node = map.producer(name);
  const tensor = node === undefined ? map.initializer(name) : node.attributes.get("value")?.t;
  return tensor?.dims.length === 0;
}

function shapeAfter(shape: readonly Extent[], selection: Selection): Extent[] {
  if ("index" in selection) return shape.toSpliced(selection.axis, 1);
  return shape.with(selection.axis, selection.end - selection.start);
}

/** A position that may count from the end, from the start; undefined where it is none, or the size is not known. */
export function position(given: number, size: Extent): number | undefined {
  if (typeof size !== "number") return undefined;
  const at = given < 0 ? given + size : given;
  return Number.isInteger(at) && at >= 0 && at < size ? at : undefined;
}
