import { EmbeddingError } from "../../errors.js";
import { Place } from "./place.js";

/** A feature of a model, as lagbag.json has it. */
export interface FeatureConfig {
  name: string;
  table: string;
  pooling?: "sum" | "mean" | "max";
  paddingIndex?: number;
}

/** What lagbag.json says of a model; what it leaves open is the file's, or the default. */
export interface ModelConfig {
  version?: string;
  shapes?: readonly ("pooled" | "hps")[];
  features?: readonly FeatureConfig[];
  /** Options of a table, by its name. */
  tables: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** How rows are held, for all tables. */
  dtype?: string;
  /** Options of the engine. */
  engine: Readonly<Record<string, unknown>>;
}

/** lagbag.json. */
export interface ServeConfig {
  models: ReadonlyMap<string, ModelConfig>;
}

const DTYPES = ["fp32", "fp16", "int8", "int4", "int2"] as const;
const MAX_INT32 = 2 ** 31 - 1;

/** Engine options that lagbag.json may set, and how each is checked; openEngine has the last word on their limits. */
const ENGINE: Readonly<Record<string, (at: Place) => unknown>> = {
  ranks: (at) => at.integer(0, 64),
  lagBound: (at) => (at.value === "auto" ? "auto" : at.integer(0, 1022)),
  inline: (at) => at.choice("auto", "never", "always"),
  memory: (at) => at.choice("auto", "one", "two"),
  exchangeMemoryBytes: (at) => at.integer(2 ** 20, 2 ** 32),
  maxCoalescedLookups: (at) => at.integer(1, 65536),
  maxQueuedLookups: (at) => at.integer(1, MAX_INT32),
  workStealing: (at) => at.flag(),
  stealUnitBytes: (at) => at.integer(1, 2 ** 30),
  hugePages: (at) => at.choice("auto", "off"),
};

const TABLE: Readonly<Record<string, (at: Place) => unknown>> = {
  dtype: (at) => at.choice(...DTYPES),
  sharding: (at) => at.choice("auto", "table", "row", "column"),
  // May be fractional, as engine.diagnose() counts it.
  lookupsPerSample: (at) => at.number(),
  replicated: (at) => at.flag(),
  missingKey: (at) => at.choice("default", "error"),
  defaultRow: (at) => Float32Array.from(at.list((one) => one.number())),
  indexing: (at) => at.choice("row", "modulo", "hash"),
};

/**
 * Reads the text of lagbag.json.
 * @throws EmbeddingError EMBEDDING_OPTIONS that names the file and the path in it
 */
export function readServeConfig(text: string, file: string): ServeConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EmbeddingError("EMBEDDING_OPTIONS", `${file}: not JSON: ${(cause as Error).message}`, { cause });
  }
  const root = new Place(value, file, "");
  const { models } = root.object(["models"]);
  if (models === undefined) return { models: new Map() };
  return { models: new Map(models.entries().map(([name, at]) => [name, readModel(at)])) };
}

function readModel(at: Place): ModelConfig {
  const fields = at.object(["version", "shapes", "features", "tables", "dtype", ...Object.keys(ENGINE)]);
  return {
    ...pick(fields.version, (one) => ({ version: one.text() })),
    ...pick(fields.shapes, (one) => ({ shapes: one.list((shape) => shape.choice("pooled", "hps")) })),
    ...pick(fields.features, (one) => ({ features: one.list(readFeature) })),
    ...pick(fields.dtype, (one) => ({ dtype: one.choice(...DTYPES) })),
    tables: Object.fromEntries(
      (fields.tables?.entries() ?? []).map(([name, table]) => [name, readAll(TABLE, table.object(Object.keys(TABLE)))]),
    ),
    engine: readAll(ENGINE, fields),
  };
}

function readFeature(at: Place): FeatureConfig {
  const fields = at.object(["name", "table", "pooling", "paddingIndex"]);
  return {
    name: at.needed(fields, "name").text(),
    table: at.needed(fields, "table").text(),
    ...pick(fields.pooling, (one) => ({ pooling: one.choice("sum", "mean", "max") })),
    ...pick(fields.paddingIndex, (one) => ({ paddingIndex: one.integer(-MAX_INT32, MAX_INT32) })),
  };
}

function pick<T extends object>(at: Place | undefined, read: (at: Place) => T): T | Record<string, never> {
  return at === undefined ? {} : read(at);
}

/** The fields that `readers` know, each read by its own. */
function readAll(
  readers: Readonly<Record<string, (at: Place) => unknown>>,
  fields: Readonly<Record<string, Place | undefined>>,
): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const [name, reader] of Object.entries(readers)) {
    const at = fields[name];
    if (at !== undefined) read[name] = reader(at);
  }
  return read;
}
