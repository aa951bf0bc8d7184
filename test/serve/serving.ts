import type { TableOptions } from "lagbag";
import { type ModelSource, type ServeHandle, type ServeOptions, serve } from "lagbag/serve";
import { type ReferenceFeature, type ReferenceTable, referenceLookup } from "#host/reference.js";
import { type Random, randomTable } from "../cases.js";

/** Options under which every test serves: any free ports, little memory. */
const EXCHANGE_BYTES = 64 * 2 ** 20;

/** Serves for the call, tables in, and closes whatever happens. */
export async function withServer<T>(options: ServeOptions, use: (handle: ServeHandle) => Promise<T>): Promise<T> {
  const handle = await serveSomewhere(options);
  try {
    await handle.ready;
    return await use(handle);
  } finally {
    await handle.close({ timeoutMs: 2000 });
  }
}

/** Serves on free ports. */
export function serveSomewhere(options: ServeOptions): Promise<ServeHandle> {
  return serve({
    port: 0,
    grpcPort: 0,
    metricsPort: 0,
    ...options,
    models: options.models.map((model) => ({ ...model, engine: { exchangeMemoryBytes: EXCHANGE_BYTES, ranks: 2, ...model.engine } })),
  });
}

/** A model over random tables, and the reference's answers for it. */
export interface TestModel {
  source: ModelSource;
  /** The reference's rows for the features, pooled. */
  pooled(batch: { batchSize: number; indices: bigint[]; lengths: number[]; weights?: number[] }): Float32Array;
  /** The reference's rows for keys by table, one after the other. */
  rows(keys: readonly (readonly bigint[])[]): Float32Array;
}

export function testModel(random: Random, name: string, more: Partial<ModelSource> = {}): TestModel {
  const sizes = { users: { numRows: 100, dim: 5 }, items: { numRows: 37, dim: 16 }, places: { numRows: 4, dim: 3 } };
  const tables = new Map<string, ReferenceTable>(Object.entries(sizes).map(([table, size]) => [table, randomTable(random, size)]));
  // Uncut: the reference then adds in the order of the bag.
  const options = [...tables].map(
    ([table, { numRows, dim, rows }]): TableOptions => ({ name: table, numRows, dim, rows, sharding: "table" }),
  );
  const source: ModelSource = { name, tables: options, ...more };
  const features = (source.features ?? options.map((table) => ({ name: table.name, table: table.name }))).map(
    (feature): ReferenceFeature => ({ pooling: "sum", ...feature }),
  );
  return {
    source,
    pooled: ({ batchSize, indices, lengths, weights }) =>
      referenceLookup(tables, features, {
        batchSize,
        indices: BigInt64Array.from(indices),
        offsets: offsetsOf(lengths),
        ...(weights === undefined ? {} : { weights: Float32Array.from(weights) }),
      }).values,
    rows: (keys) => {
      const none = options.map((table): ReferenceFeature => ({ name: table.name, table: table.name, pooling: "none" }));
      const lengths = keys.map((own) => own.length);
      const { jagged } = referenceLookup(tables, none, {
        batchSize: 1,
        indices: BigInt64Array.from(keys.flat()),
        offsets: offsetsOf(lengths),
      });
      return Float32Array.from(none.flatMap((feature) => [...(jagged.get(feature.name)?.values ?? [])]));
    },
  };
}

function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  for (const [n, length] of lengths.entries()) offsets[n + 1] = offsets[n] + length;
  return offsets;
}

/** Seeded bags for the features of a test model: lengths are 0 to 3. */
export function randomBags(random: Random, batchSize: number, numRows: readonly number[]): { indices: bigint[]; lengths: number[] } {
  const lengths = Array.from({ length: batchSize * numRows.length }, () => Math.floor(random() * 4));
  const indices = lengths.flatMap((length, bag) =>
    Array.from({ length }, () => BigInt(Math.floor(random() * numRows[Math.floor(bag / batchSize)]))),
  );
  return { indices, lengths };
}

/** The rows of the tables of a test model. */
export const NUM_ROWS = [100, 37, 4];

/** The bits of floats: -0 and NaN count. */
export function bitsOf(values: Float32Array): number[] {
  return [...new Uint32Array(values.slice().buffer)];
}
