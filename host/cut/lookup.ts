import type { Pooling } from "../options.js";
import type { Extent, IndexSource } from "./indices.js";

/** A lookup that a graph does, as one of our features does it. */
export interface GraphLookup {
  table: string;
  pooling: Pooling;
  indices: IndexSource;
  /** What a bag is: all indices of a sample (its first axis), or what an input of offsets says. */
  bags: "sample" | { offsets: string; includeLastOffset: boolean };
  /** The value that the lookup replaces. */
  output: string;
  /** Its shape; the first extent is the batch. */
  shape: Extent[];
}

export const POOLINGS: Readonly<Record<string, Pooling>> = { ReduceSum: "sum", ReduceMean: "mean", ReduceMax: "max" };
