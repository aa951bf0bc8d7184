/** A cut model, run as docs/files.md says: the lookup by lagbag, what it gives into the dense part. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openEngine, openModels } from "lagbag";
import type { CutFeature, CutFile } from "#host/cut/describe.js";
import { runOnnx, type Tensor } from "./onnxruntime.js";

export async function runCut(folder: string, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
  const { cut }: CutFile = JSON.parse(readFileSync(join(folder, "lagbag.json"), "utf8"));
  const [model] = await openModels(join(folder, cut.tables));
  const features = cut.features.map(({ name, table, pooling }) => ({ name, table, pooling }));
  const engine = await openEngine({ tables: model.tables, features, ranks: 2 });
  await model.close();
  try {
    const bags = cut.features.map((feature) => bagsOf(feature, feeds));
    const batchSize = bags[0].length;
    const indices = bags.flat(2);
    const lengths = bags.flat().map((bag) => bag.length);
    const offsets = new Int32Array(lengths.length + 1);
    for (const [n, length] of lengths.entries()) offsets[n + 1] = offsets[n] + length;
    const result = await engine.lookup({ batchSize, indices: Int32Array.from(indices), offsets });
    const dense: Record<string, Tensor> = Object.fromEntries(cut.inputs.map((name) => [name, feeds[name]]));
    for (const [f, { name, dim, firstColumn, denseInput, denseShape }] of cut.features.entries()) {
      const rest = denseShape.slice(1, -1).map((extent) => (typeof extent === "number" ? extent : bags[f][0].length));
      const values =
        firstColumn === null
          ? Array.from(result.jagged(name).values)
          : columnsOf(result.values, { columns: cut.columns, firstColumn, dim });
      dense[denseInput] = { type: "float32", values, dims: [batchSize, ...rest, dim] };
    }
    result.release();
    return runOnnx(join(folder, cut.dense), dense);
  } finally {
    await engine.close();
  }
}

function columnsOf(values: Float32Array, { columns, firstColumn, dim }: { columns: number; firstColumn: number; dim: number }): number[] {
  return Array.from({ length: (values.length / columns) * dim }, (_, n) => values[Math.floor(n / dim) * columns + firstColumn + (n % dim)]);
}

/** The indices of each sample. */
function bagsOf({ indices, bags }: CutFeature, feeds: Readonly<Record<string, Tensor>>): number[][] {
  let { data, dims }: { data: number[]; dims: readonly number[] } = {
    data: feeds[indices.input].values,
    dims: feeds[indices.input].dims,
  };
  for (const selection of indices.select) {
    const [start, end] = "index" in selection ? [selection.index, selection.index + 1] : [selection.start, selection.end];
    const inner = dims.slice(selection.axis + 1).reduce((product, extent) => product * extent, 1);
    const extent = dims[selection.axis];
    data = data.filter((_, n) => Math.floor(n / inner) % extent >= start && Math.floor(n / inner) % extent < end);
    dims = "index" in selection ? dims.toSpliced(selection.axis, 1) : dims.with(selection.axis, end - start);
  }
  if (bags === "sample") {
    const size = data.length / dims[0];
    return Array.from({ length: dims[0] }, (_, s) => data.slice(s * size, (s + 1) * size));
  }
  const offsets = [...feeds[bags.offsets].values];
  if (!bags.includeLastOffset) offsets.push(data.length);
  return offsets.slice(1).map((end, s) => data.slice(offsets[s], end));
}
