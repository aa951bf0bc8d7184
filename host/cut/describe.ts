import type { Pooling } from "../options.js";
import type { OnnxValue } from "../tables/onnx-model.js";
import type { FileTable } from "../tables/types.js";
import type { DensePart } from "./dense.js";
import type { Selection } from "./indices.js";
import type { GraphLookup } from "./lookup.js";

/** One feature of a cut model: a lookup, and the input of the dense part that takes its answer. */
export interface CutFeature {
  /** As in FeatureOptions. */
  name: string;
  table: string;
  pooling: Pooling;
  dim: number;
  /** First of its columns in [batch, sum of dims]; null with pooling "none", whose rows are jagged. */
  firstColumn: number | null;
  /** The input of the whole model that has the indices, and the selections that lead to them, one after the other. */
  indices: { input: string; select: Selection[] };
  /** "sample": a bag is all indices of a sample. Else the input that has the offsets, and whether its last one is the number of indices. */
  bags: "sample" | { offsets: string; includeLastOffset: boolean };
  /** The input of the dense part, its shape; the first extent is the batch, names are extents of the indices. */
  denseInput: string;
  denseShape: (number | string)[];
}

/** How the two parts belong together. */
export interface CutDescription {
  /** The file of tables, and of the dense part, in the same folder. */
  tables: string;
  dense: string;
  /** In the order of their columns. */
  features: CutFeature[];
  /** The sum of dims of the pooled features. */
  columns: number;
  /** Inputs of the whole model that the dense part takes as they are. */
  inputs: string[];
  outputs: string[];
}

/**
 * lagbag.json as `lagbag cut` writes it: `models` is what `lagbag serve --config` reads, features whose rows are not pooled left out; `cut` is
 * for whoever runs the dense part.
 */
export interface CutFile {
  models: Record<string, { features: { name: string; table: string; pooling: Pooling }[] }>;
  cut: CutDescription;
}

/** name: of the model, as openModels names the file of tables. */
export function cutFile(name: string, cut: CutDescription): CutFile {
  const features = cut.features.flatMap(({ name: feature, table, pooling }) =>
    pooling === "none" ? [] : [{ name: feature, table, pooling }],
  );
  return { models: features.length === 0 ? {} : { [name]: { features } }, cut };
}

interface Names {
  tablesFile: string;
  denseFile: string;
  tables: readonly FileTable[];
  outputs: readonly OnnxValue[];
}

export function describeCut(part: DensePart, { tablesFile, denseFile, tables, outputs }: Names): CutDescription {
  const taken = new Set<string>();
  let columns = 0;
  const features = part.lookups.map((lookup): CutFeature => {
    const { table, pooling, indices, bags, output, shape } = lookup;
    const dim = tables.find(({ name }) => name === table)?.dim ?? 0;
    const name = uniqueName(lookup, taken);
    const firstColumn = pooling === "none" ? null : columns;
    if (pooling !== "none") columns += dim;
    const denseShape = shape.map((extent, axis) => extent || (axis === 0 ? "batch" : `extent_${axis}`));
    return {
      name,
      table,
      pooling,
      dim,
      firstColumn,
      indices: { input: indices.input, select: indices.select },
      bags,
      denseInput: output,
      denseShape,
    };
  });
  return {
    tables: tablesFile,
    dense: denseFile,
    features,
    columns,
    inputs: [...part.inputs],
    outputs: outputs.map(({ name }) => name),
  };
}

/** The table's name; where several lookups read it, the later ones with a number. */
function uniqueName({ table }: GraphLookup, taken: Set<string>): string {
  let name = table;
  for (let n = 2; taken.has(name); n += 1) name = `${table}.${n}`;
  taken.add(name);
  return name;
}
