import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { EmbeddingError } from "./errors.js";
import { checkKeyOptions, isResolved } from "./keys/check.js";
import { toKey } from "./keys/hash.js";
import type { HugePagesMode } from "./memory/hugepages.js";
import { hasMultiMemory, type MemoryMode } from "./memory/kernel.js";
import type { EngineFeature } from "./memory/records.js";
import type {
  EngineOptions,
  FeatureOptions,
  FloatTableOptions,
  LagLimits,
  PackedTableOptions,
  Pooling,
  StageOptions,
  TableOptions,
} from "./options.js";
import { ROW_DTYPES, type RowDtype, rowBytes } from "./rows/rows.js";

const GIB = 2 ** 30;
const MAX_INT32 = 2 ** 31 - 1;
const POOLINGS: readonly Pooling[] = ["sum", "mean", "max", "none"];

/** The defaults of LagLimits. */
const LAG_DEFAULTS = { maxLagBound: 64, latencyBudgetMs: Number.POSITIVE_INFINITY, memoryBytes: Number.POSITIVE_INFINITY } as const;

/** The defaults of EngineOptions. */
const DEFAULTS = {
  lagBound: 4,
  inline: "auto",
  memory: "auto",
  hugePages: "auto",
  exchangeMemoryBytes: 4 * GIB,
  maxCoalescedLookups: 256,
  maxQueuedLookups: 4096,
  lookupTimeoutMs: 30_000,
  workStealing: true,
  stealUnitBytes: 256 * 1024,
} as const;
const MAX_DEFAULT_RANKS = 8;

/** A stage with its module found and its sizes known. */
export interface FilledStage {
  href: string;
  options: unknown;
  inputColumns: number;
  columns: number;
}

/** TableOptions with the format known. */
export type FilledTable =
  | (Omit<FloatTableOptions, "packed"> & { packed: false; dtype: RowDtype })
  | (PackedTableOptions & { dtype: RowDtype });

/** EngineOptions with nothing left open. */
export interface FilledOptions {
  tables: readonly FilledTable[];
  features: readonly EngineFeature[];
  ranks: number;
  /** What the windows are laid out for: the bound itself, or the largest that "auto" may choose. */
  lagBound: number;
  /** Whether the bound is learned. */
  lagAuto: boolean;
  lagLimits: Required<LagLimits>;
  inline: "auto" | "never" | "always";
  memory: MemoryMode;
  hugePages: HugePagesMode;
  exchangeMemoryBytes: number;
  maxCoalescedLookups: number;
  maxQueuedLookups: number;
  lookupTimeoutMs: number;
  onProgress: EngineOptions["onProgress"];
  /** Never with one rank: nobody is there to help. */
  workStealing: boolean;
  stealUnitBytes: number;
  stage: FilledStage | undefined;
}

/** A value as an error message shows it. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" || value == null) return String(value);
  if (typeof value === "function") return "a function";
  return Object.prototype.toString.call(value).slice(8, -1);
}

function optionError(name: string, got: unknown, expected: string): EmbeddingError {
  return new EmbeddingError("EMBEDDING_OPTIONS", `${name}: got ${show(got)}, expected ${expected}`, { got, expected });
}

function integer(name: string, value: unknown, low: number, high: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
    throw optionError(name, value, `an integer from ${low} to ${high}`);
  }
  return value;
}

function choice<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (!choices.includes(value as T)) throw optionError(name, value, choices.map((c) => `"${c}"`).join(" or "));
  return value as T;
}

function optionalFunction<T>(name: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== "function") throw optionError(name, value, "a function");
  return value;
}

function flag(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw optionError(name, value, "true or false");
  return value;
}

function uniqueName(name: string, value: unknown, taken: ReadonlySet<string>): string {
  if (typeof value !== "string" || value === "") throw optionError(name, value, "a name that is not empty");
  if (taken.has(value)) throw optionError(name, value, "a name that is used once");
  return value;
}

function list<T>(name: string, value: unknown): readonly T[] {
  if (!Array.isArray(value) || value.length === 0) throw optionError(name, value, "an array with at least one element");
  return value as readonly T[];
}

/** What rows may be. */
export function rowsForms(packed: boolean): string {
  const array = packed ? "Uint8Array" : "Float32Array";
  return `a ${array}, an iterable of ${array}s, or a function`;
}

function fillTables(tables: readonly TableOptions[]): FilledTable[] {
  const taken = new Set<string>();
  return tables.map((table, t) => {
    if (typeof table !== "object" || table === null) throw optionError(`tables[${t}]`, table, "an object");
    taken.add(uniqueName(`tables[${t}].name`, table.name, taken));
    const { rows, packed = false } = table;
    if (typeof packed !== "boolean") throw optionError(`tables[${t}].packed`, packed, "true or false");
    const dtype = choice(`tables[${t}].dtype`, table.dtype ?? "fp32", ROW_DTYPES);
    const isSource = typeof rows === "function" || (typeof rows === "object" && rows !== null);
    if (!isSource) throw optionError(`tables[${t}].rows`, rows, rowsForms(packed));
    integer(`tables[${t}].numRows`, table.numRows, 1, MAX_INT32);
    integer(`tables[${t}].dim`, table.dim, 1, 65536);
    flag(`tables[${t}].replicated`, table.replicated ?? false);
    checkKeyOptions(`tables[${t}]`, table);
    return { ...table, dtype, packed } as FilledTable;
  });
}

/** The padding of a feature, as EngineFeature has it. */
function fillPadding(name: string, value: number | bigint | undefined, table: FilledTable): number | bigint | undefined {
  if (value === undefined) return undefined;
  if (isResolved(table)) return toKey(name, value);
  const { numRows } = table;
  const row = typeof value === "bigint" && BigInt.asIntN(53, value) === value ? Number(value) : value;
  const padding = integer(name, row, -numRows, numRows - 1);
  return padding < 0 ? padding + numRows : padding;
}

function fillFeatures(features: readonly FeatureOptions[], tables: readonly FilledTable[]): EngineFeature[] {
  const taken = new Set<string>();
  return features.map((feature, f) => {
    if (typeof feature !== "object" || feature === null) throw optionError(`features[${f}]`, feature, "an object");
    const name = uniqueName(`features[${f}].name`, feature.name, taken);
    taken.add(name);
    const table = tables.findIndex((candidate) => candidate.name === feature.table);
    if (table < 0)
      throw optionError(
        `features[${f}].table`,
        feature.table,
        `one of ${tables
          .map((t) => show(t.name))
          .join(", ")
          .slice(0, 200)}`,
      );
    const pooling = choice(`features[${f}].pooling`, feature.pooling ?? "sum", POOLINGS);
    const { dim, dtype } = tables[table];
    const padding = fillPadding(`features[${f}].paddingIndex`, feature.paddingIndex, tables[table]);
    return { name, table, pooling, pooled: pooling !== "none", padding, dim, rowBytes: rowBytes(dtype, dim) };
  });
}

/** The URL that a stage's module is imported from. */
function stageHref(module: unknown): string {
  if (Object.prototype.toString.call(module) === "[object URL]") return (module as URL).href;
  if (typeof module !== "string" || module === "") throw optionError("stage.module", module, "a path, a URL, or a package's name");
  if (/^(file|data|node):/.test(module)) return module;
  const path = resolve(module);
  if (existsSync(path)) return pathToFileURL(path).href;
  try {
    return pathToFileURL(createRequire(resolve("lagbag-stage.js")).resolve(module)).href;
  } catch (cause) {
    throw new EmbeddingError(
      "EMBEDDING_OPTIONS",
      `stage.module: got ${show(module)}, expected a module: no file ${path}, and no package of that name from there`,
      {
        got: module,
        expected: path,
        cause,
      },
    );
  }
}

function fillStage(stage: StageOptions, features: readonly EngineFeature[]): FilledStage {
  if (typeof stage !== "object" || stage === null)
    throw optionError("stage", stage, "an object { module, options?, inputColumns?, columns? }");
  const jagged = features.find((feature) => !feature.pooled);
  if (jagged !== undefined) {
    throw new EmbeddingError("EMBEDDING_UNSUPPORTED", `feature ${show(jagged.name)}: pooling "none" cannot go through a stage`, {
      feature: jagged.name,
    });
  }
  let options: unknown;
  try {
    options = structuredClone(stage.options);
  } catch (cause) {
    throw new EmbeddingError("EMBEDDING_OPTIONS", `stage.options: got a value that cannot be cloned to a worker: ${String(cause)}`, {
      cause,
    });
  }
  const dims = features.reduce((sum, feature) => sum + feature.dim, 0);
  return {
    href: stageHref(stage.module),
    options,
    inputColumns: integer("stage.inputColumns", stage.inputColumns ?? 0, 0, 65536),
    columns: integer("stage.columns", stage.columns ?? dims, 1, 1_048_576),
  };
}

function above0(name: string, value: number): number {
  if (!(typeof value === "number" && value > 0)) throw optionError(name, value, "a number above 0");
  return value;
}

function fillLag({ lagBound = DEFAULTS.lagBound, lagLimits }: EngineOptions): Pick<FilledOptions, "lagBound" | "lagAuto" | "lagLimits"> {
  if (lagBound !== "auto") {
    if (lagLimits !== undefined) throw optionError("lagLimits", lagLimits, `none: they go with lagBound "auto" only`);
    return { lagBound: integer("lagBound", lagBound, 0, 1022), lagAuto: false, lagLimits: { ...LAG_DEFAULTS, maxLagBound: lagBound } };
  }
  if (lagLimits !== undefined && (typeof lagLimits !== "object" || lagLimits === null))
    throw optionError("lagLimits", lagLimits, "an object");
  const maxLagBound = integer("lagLimits.maxLagBound", lagLimits?.maxLagBound ?? LAG_DEFAULTS.maxLagBound, 0, 1022);
  return {
    lagBound: maxLagBound,
    lagAuto: true,
    lagLimits: {
      maxLagBound,
      latencyBudgetMs: above0("lagLimits.latencyBudgetMs", lagLimits?.latencyBudgetMs ?? LAG_DEFAULTS.latencyBudgetMs),
      memoryBytes: above0("lagLimits.memoryBytes", lagLimits?.memoryBytes ?? LAG_DEFAULTS.memoryBytes),
    },
  };
}

/**
 * Checks options and fills in what was left open. The caller's objects are not changed.
 * @throws EmbeddingError EMBEDDING_OPTIONS naming the option, what was got, and what is accepted
 */
export function resolveOptions(options: EngineOptions): FilledOptions {
  if (typeof options !== "object" || options === null) throw optionError("options", options, "an object with tables");
  const tables = fillTables(list<TableOptions>("tables", options.tables));
  const features = fillFeatures(
    options.features === undefined ? tables.map(({ name }) => ({ name, table: name })) : list<FeatureOptions>("features", options.features),
    tables,
  );
  const timeout = options.lookupTimeoutMs ?? DEFAULTS.lookupTimeoutMs;
  const memory = choice("memory", options.memory ?? DEFAULTS.memory, ["auto", "one", "two"]);
  if (memory === "two" && !hasMultiMemory()) {
    throw optionError(
      "memory",
      "two",
      `"one" or "auto": Node ${process.versions.node} has no WebAssembly multi-memory, Node 22 and later have`,
    );
  }
  const ranks = integer("ranks", options.ranks ?? Math.min(MAX_DEFAULT_RANKS, availableParallelism()), 0, 64);
  const inline = choice("inline", options.inline ?? DEFAULTS.inline, ["auto", "never", "always"]);
  if (ranks === 0 && options.stage !== undefined) throw optionError("stage", options.stage, "none with ranks: 0, only ranks run a stage");
  if (ranks === 0 && inline === "never")
    throw optionError("inline", inline, '"auto" or "always" with ranks: 0, lookups run on no other thread');
  const workStealing = flag("workStealing", options.workStealing ?? DEFAULTS.workStealing);
  return {
    tables,
    features,
    ranks,
    ...fillLag(options),
    workStealing: workStealing && ranks > 1,
    stealUnitBytes: integer("stealUnitBytes", options.stealUnitBytes ?? DEFAULTS.stealUnitBytes, 1, GIB),
    inline: ranks === 0 ? "always" : inline,
    hugePages: choice("hugePages", options.hugePages ?? DEFAULTS.hugePages, ["auto", "off"]),
    memory: memory === "auto" ? (hasMultiMemory() ? "two" : "one") : memory,
    exchangeMemoryBytes: integer("exchangeMemoryBytes", options.exchangeMemoryBytes ?? DEFAULTS.exchangeMemoryBytes, 2 ** 20, 4 * GIB),
    maxCoalescedLookups: integer("maxCoalescedLookups", options.maxCoalescedLookups ?? DEFAULTS.maxCoalescedLookups, 1, 65536),
    maxQueuedLookups: integer("maxQueuedLookups", options.maxQueuedLookups ?? DEFAULTS.maxQueuedLookups, 1, MAX_INT32),
    onProgress: optionalFunction("onProgress", options.onProgress),
    lookupTimeoutMs: timeout === Number.POSITIVE_INFINITY ? timeout : integer("lookupTimeoutMs", timeout, 1, MAX_INT32),
    stage: options.stage === undefined ? undefined : fillStage(options.stage, features),
  };
}
