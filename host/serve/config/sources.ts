import { EmbeddingError } from "../../errors.js";
import type { EngineOptions, FeatureOptions } from "../../options.js";
import { show } from "../../resolve.js";
import type { ModelSource } from "../model/model.js";
import type { ModelConfig, ServeConfig } from "./read.js";

/** A model's tables as they come from files. */
export interface TablesOfModel {
  name: string;
  version?: string;
  tables: EngineOptions["tables"];
  close(): Promise<void>;
}

type Table = EngineOptions["tables"][number];

/**
 * The models of files as the configuration wants them.
 * @throws EmbeddingError EMBEDDING_OPTIONS when it speaks of a model or table that is not there
 */
export function makeSources(models: readonly TablesOfModel[], config: ServeConfig, file: string): ModelSource[] {
  const known = models.map(({ name }) => name);
  for (const name of config.models.keys()) expectOneOf(`${file}: models`, name, known);
  return models.map((model) => makeSource(model, config.models.get(model.name), file));
}

function makeSource(model: TablesOfModel, config: ModelConfig | undefined, file: string): ModelSource {
  const { name } = model;
  if (model.tables.length === 0)
    throw new EmbeddingError("EMBEDDING_OPTIONS", `model ${show(name)}: got a file without tables, expected at least one`);
  const where = `${file}: models.${name}`;
  const tableNames = model.tables.map((table) => table.name);
  for (const table of Object.keys(config?.tables ?? {})) expectOneOf(`${where}.tables`, table, tableNames);
  for (const [n, { table }] of (config?.features ?? []).entries()) expectOneOf(`${where}.features[${n}].table`, table, tableNames);
  const tables = model.tables.map((table): Table => {
    // What the file holds quantised stays as it is; a dtype of the model's is for the others.
    const dtype = config?.dtype === undefined || "packed" in table ? {} : { dtype: config.dtype };
    return { ...table, ...dtype, ...config?.tables[table.name] } as Table;
  });
  return {
    name,
    tables,
    version: config?.version ?? model.version ?? "1",
    ...(config?.shapes === undefined ? {} : { shapes: config.shapes }),
    ...(config?.features === undefined ? {} : { features: config.features as readonly FeatureOptions[] }),
    engine: (config?.engine ?? {}) as Omit<EngineOptions, "tables" | "features">,
    close: () => model.close(),
  };
}

function expectOneOf(where: string, got: string, names: readonly string[]): void {
  if (names.includes(got)) return;
  throw new EmbeddingError("EMBEDDING_OPTIONS", `${where}: got ${show(got)}, expected one of ${names.map(show).join(", ").slice(0, 300)}`, {
    got,
  });
}
