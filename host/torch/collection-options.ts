import { EmbeddingError } from "../errors.js";
import type { EngineOptions, FeatureOptions, FloatTableOptions, TableOptions } from "../options.js";
import { show } from "../resolve.js";
import { checkShape } from "./bag-options.js";
import { type EmbeddingWeight, rowsOf } from "./weight.js";

/** A table of a collection: TorchRec's EmbeddingBagConfig, with its rows. */
export interface EmbeddingBagConfig extends Pick<FloatTableOptions, "dtype" | "sharding" | "lookupsPerSample"> {
  /** Unique among the tables. */
  name: string;
  embeddingDim: number;
  numEmbeddings: number;
  /** Features that are looked up here; default: one, called as the table. A feature of several tables gives a column block for each. */
  featureNames?: readonly string[] | undefined;
  /** Default "sum", as in TorchRec. */
  pooling?: "sum" | "mean" | undefined;
  /** The rows, [numEmbeddings, embeddingDim]. */
  weight: EmbeddingWeight;
}

/** Options of an EmbeddingBagCollection. */
export interface CollectionOptions {
  tables: readonly EmbeddingBagConfig[];
  /** Whether batches come with weights (tables are pooled by sum then); default false: weights of a batch are not looked at. */
  isWeighted?: boolean | undefined;
}

/** Options of EmbeddingBagCollection.open: those of openEngine that are about threads, memory and waiting. */
export interface OpenCollectionOptions extends CollectionOptions, Omit<EngineOptions, "tables" | "features" | "stage"> {}

/** What a collection's columns are, in order. */
export interface Column {
  /** The feature's name; "feature@table" where several tables have it. */
  key: string;
  feature: string;
}

/** A collection as the engine sees it. */
export interface FilledCollection {
  tables: TableOptions[];
  features: FeatureOptions[];
  columns: Column[];
  /** The dims of the columns, summed up: 0, then one more for each column. */
  offsetPerKey: readonly number[];
  isWeighted: boolean;
}

function optionError(name: string, got: unknown, expected: string): EmbeddingError {
  return new EmbeddingError("EMBEDDING_OPTIONS", `${name}: got ${show(got)}, expected ${expected}`, { got, expected });
}

function featureNamesOf(table: EmbeddingBagConfig, option: string): readonly string[] {
  const names = table.featureNames ?? [];
  if (!Array.isArray(names)) throw optionError(`${option}.featureNames`, names, "an array of names");
  if (names.length === 0) return [table.name];
  names.forEach((name: unknown, n) => {
    const where = `${option}.featureNames[${n}]`;
    if (typeof name !== "string" || name === "") throw optionError(where, name, "a name that is not empty");
    if (names.indexOf(name) < n) throw optionError(where, name, "a name that the table has once");
  });
  return names;
}

/**
 * Checks the options of a collection.
 * @throws EmbeddingError EMBEDDING_OPTIONS
 */
export function fillCollection(options: CollectionOptions): FilledCollection {
  if (typeof options !== "object" || options === null) throw optionError("options", options, "an object with tables");
  const { tables, isWeighted = false } = options;
  if (typeof isWeighted !== "boolean") throw optionError("isWeighted", isWeighted, "true or false");
  if (!Array.isArray(tables) || tables.length === 0) throw optionError("tables", tables, "an array with at least one table");
  const given = tables as readonly EmbeddingBagConfig[];
  const names = given.map((table, t) => {
    const option = `tables[${t}]`;
    if (typeof table !== "object" || table === null) throw optionError(option, table, "an object");
    if (typeof table.name !== "string" || table.name === "") throw optionError(`${option}.name`, table.name, "a name that is not empty");
    checkShape(table.numEmbeddings, table.embeddingDim, `${option}.`);
    const pooling = table.pooling ?? "sum";
    if (pooling !== "sum" && pooling !== "mean") throw optionError(`${option}.pooling`, pooling, '"sum" or "mean"');
    if (isWeighted && pooling !== "sum")
      throw optionError(`${option}.pooling`, pooling, '"sum", as isWeighted is true and weights go with sum only');
    return featureNamesOf(table, option);
  });
  const all = names.flat();
  const shared = new Set(all.filter((name, n) => all.indexOf(name) < n));
  const columns = given.flatMap((table, t) =>
    names[t].map((feature) => ({ feature, key: shared.has(feature) ? `${feature}@${table.name}` : feature })),
  );
  const twice = columns.find(({ key }, n) => columns.findIndex((other) => other.key === key) < n);
  if (twice !== undefined) throw optionError("tables", twice.key, "a column name that no other feature makes");
  const offsetPerKey = [0];
  given.forEach((table, t) => {
    for (const _ of names[t]) offsetPerKey.push(offsetPerKey[offsetPerKey.length - 1] + table.embeddingDim);
  });
  let column = 0;
  return {
    tables: given.map((table, t) => engineTable(table, `tables[${t}]`)),
    features: given.flatMap((table, t) =>
      names[t].map(() => {
        const { key } = columns[column];
        column += 1;
        return { name: key, table: table.name, pooling: table.pooling ?? "sum" };
      }),
    ),
    columns,
    offsetPerKey: Object.freeze(offsetPerKey),
    isWeighted,
  };
}

function engineTable(table: EmbeddingBagConfig, option: string): FloatTableOptions {
  const { name, numEmbeddings, embeddingDim, dtype, sharding, lookupsPerSample } = table;
  return {
    name,
    numRows: numEmbeddings,
    dim: embeddingDim,
    rows: rowsOf(`${option}.weight`, table.weight, embeddingDim),
    ...(dtype === undefined ? {} : { dtype }),
    ...(sharding === undefined ? {} : { sharding }),
    ...(lookupsPerSample === undefined ? {} : { lookupsPerSample }),
  };
}
