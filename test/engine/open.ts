import { type Engine, type EngineOptions, type LookupBatch, openEngine, type Sharding, type TableOptions } from "lagbag";
import { hasMultiMemory } from "#host/memory/kernel.js";
import type { ReferenceFeature, ReferenceTable } from "#host/reference.js";
import { referenceLookup } from "#host/reference.js";
import type { Case } from "../cases.js";

/** The memory modes of this runtime: Node 20 has no multi-memory. */
export const MEMORY_MODES: readonly ("one" | "two")[] = hasMultiMemory() ? ["one", "two"] : ["one"];

/** Engine options for the tables and features of a case. */
export function optionsOf(subject: Case, more: Partial<EngineOptions> & { sharding?: Sharding } = {}): EngineOptions {
  const { sharding, ...rest } = more;
  return {
    tables: [...subject.tables].map(([name, table]) => ({
      name,
      numRows: table.numRows,
      dim: table.dim,
      rows: table.rows,
      ...indexingOf(table),
      sharding: sharding ?? "auto",
    })),
    features: subject.features.map(({ name, table, pooling, paddingIndex }) => ({
      name,
      table,
      pooling,
      ...(paddingIndex === undefined ? {} : { paddingIndex }),
    })),
    ranks: 2,
    exchangeMemoryBytes: 64 * 2 ** 20,
    ...rest,
  };
}

/** The table options that say how indices become rows. */
export function indexingOf({
  keys,
  missingKey = "default",
  defaultRow,
  indexing,
}: ReferenceTable): Pick<TableOptions, "keys" | "missingKey" | "defaultRow" | "indexing"> {
  if (keys === undefined) return indexing === undefined ? {} : { indexing };
  return { keys, missingKey, ...(defaultRow === undefined ? {} : { defaultRow }) };
}

/** Opens an engine for the call, and closes it whatever happens. */
export async function withEngine<T>(options: EngineOptions, use: (engine: Engine) => Promise<T> | T): Promise<T> {
  const engine = await openEngine(options);
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

/** The reference's features for an engine: row-wise cuts decide the order of additions. */
export function referenceFeatures(engine: Engine, subject: Case): ReferenceFeature[] {
  return subject.features.map((feature) => {
    const table = engine.plan.tables.find((candidate) => candidate.name === feature.table);
    if (table?.by !== "row") return feature;
    return { ...feature, rowShardStarts: table.shards.map((shard) => engine.plan.shards[shard].firstRow) };
  });
}

/** The values of a lookup as bits: -0 and NaN payloads count. */
export function bits(values: Float32Array): number[] {
  return [...new Uint32Array(values.slice().buffer)].map((word) => (isNaNWord(word) ? NAN_WORD : word));
}

/** Arithmetic may choose any NaN; which one is no part of the promise. */
const NAN_WORD = 0x7fc00000;
function isNaNWord(word: number): boolean {
  return (word & 0x7fffffff) > 0x7f800000;
}

/** What the reference says to a case, on this engine's plan. */
export function expected(engine: Engine, subject: Case): ReturnType<typeof referenceLookup> {
  return referenceLookup(subject.tables as ReadonlyMap<string, ReferenceTable>, referenceFeatures(engine, subject), subject.batch);
}

/** The batch of a case as lookup takes it. */
export function batchOf(subject: Case): LookupBatch {
  return subject.batch;
}
