import { availableParallelism } from "node:os";
import { EmbeddingError } from "../errors.js";
import { STATIC_BYTES } from "../memory/abi.js";
import { MEMORY_LIMIT_BYTES } from "../memory/map.js";
import { type Plan, type PlanTable, planTables } from "../plan/plan.js";
import { printPlan } from "../plan/print.js";
import { ROW_DTYPES, type RowDtype, rowBytes } from "../rows/rows.js";
import { plain, quote } from "../tables/fault.js";
import { openModels } from "../tables/open-models.js";
import type { FileTable, ModelTables } from "../tables/types.js";
import { type CliOption, describeCommand, readArguments, wantsHelp } from "./arguments.js";
import type { Command } from "./command.js";
import { formatBytes, formatTable } from "./text-table.js";

const USAGE = "inspect PATH [options]";
const SUMMARY = "shows what is in a file or folder of tables, the plan that it gets, and what it costs";
const MOST_RANKS = 64;
/** As openEngine has it. */
const MOST_DEFAULT_RANKS = 8;
/** More left out than this are counted. */
const MOST_LEFT_OUT = 20;
const OPTIONS: Readonly<Record<string, CliOption>> = {
  ranks: { type: "string", value: "N", help: `ranks of the plan, 1 to ${MOST_RANKS}; default: cores, at most ${MOST_DEFAULT_RANKS}` },
  dtype: {
    type: "string",
    value: "TYPE",
    help: `${ROW_DTYPES.join(", ")}: how the engine holds rows that are floats in the file; default fp32`,
  },
  json: { type: "boolean", help: "print JSON" },
};

export const inspectCommand: Command = { summary: SUMMARY, run };

/** What a memory mode has for rows, and what a plan needs of it. */
interface Cost {
  memory: "two" | "one";
  node: string;
  /** Bytes that the plan needs of the memory that is fullest; undefined where there is no plan. */
  neededBytes: number | undefined;
  limitBytes: number;
  /** Why it does not fit. */
  refusal?: string;
}

interface ModelReport {
  model: ModelTables;
  /** The plan for two memories, else for one, if any. */
  plan: Plan | undefined;
  costs: Cost[];
  heldBytes: number;
}

async function run(args: readonly string[]): Promise<number> {
  if (wantsHelp(args)) {
    process.stdout.write(describeCommand(USAGE, SUMMARY, OPTIONS));
    return 0;
  }
  const given = readArguments(args, OPTIONS, ["PATH"]);
  const ranks = given.count("ranks", 1, MOST_RANKS) ?? Math.min(MOST_DEFAULT_RANKS, availableParallelism());
  const dtype = given.choice("dtype", ROW_DTYPES) ?? "fp32";
  const models = await openModels(given.positionals[0], { versions: "all" });
  try {
    const reports = models.map((model) => report(model, ranks, dtype));
    const text = given.flag("json")
      ? JSON.stringify(
          reports.map((one) => asJson(one, dtype)),
          null,
          2,
        )
      : reports.map((one) => asText(one, ranks, dtype)).join("\n\n");
    process.stdout.write(`${text}\n`);
    return 0;
  } finally {
    await Promise.all(models.map((model) => model.close()));
  }
}

function dtypeOf(table: FileTable, asked: RowDtype): RowDtype {
  return table.packed ? table.dtype : asked;
}

function report(model: ModelTables, ranks: number, dtype: RowDtype): ModelReport {
  const limitBytes = MEMORY_LIMIT_BYTES - STATIC_BYTES;
  const tables = model.tables.map(
    (table): PlanTable => ({ name: table.name, numRows: table.numRows, dim: table.dim, dtype: dtypeOf(table, dtype) }),
  );
  const tryPlan = (limits: { rankMemoryBytes: number; totalMemoryBytes?: number }): Plan | string | undefined => {
    if (tables.length === 0) return undefined;
    try {
      return planTables(tables, { ranks, ...limits });
    } catch (error) {
      if (error instanceof EmbeddingError) return error.message;
      throw error;
    }
  };
  const plans = {
    two: tryPlan({ rankMemoryBytes: limitBytes }),
    one: tryPlan({ rankMemoryBytes: limitBytes, totalMemoryBytes: limitBytes }),
  };
  const needed = { two: (held: number[]) => Math.max(...held), one: (held: number[]) => held.reduce((sum, bytes) => sum + bytes, 0) };
  const costs = (["two", "one"] as const).map((memory): Cost => {
    const plan = plans[memory];
    const neededBytes = typeof plan === "object" ? needed[memory](plan.load.map(({ tableBytes }) => tableBytes)) : undefined;
    const node = memory === "two" ? "Node 22 and later: 4 GiB a rank" : "Node 20: 4 GiB for all";
    return { memory, node, neededBytes, limitBytes, ...(typeof plan === "string" ? { refusal: plan } : {}) };
  });
  const plan = [plans.two, plans.one].find((one) => typeof one === "object");
  const heldBytes = model.tables.reduce((sum, table) => sum + table.numRows * rowBytes(dtypeOf(table, dtype), table.dim), 0);
  return { model, plan, costs, heldBytes };
}

function asText({ model, plan, costs, heldBytes }: ModelReport, ranks: number, dtype: RowDtype): string {
  const { name, version, path, format, tables, leftOut } = model;
  const lines = [`${quote(name)}${version === "1" ? "" : ` version ${version}`}: ${format}, ${plain(path)}`];
  if (tables.length > 0) {
    const rows = tables.map((table) => [
      plain(table.name),
      `${table.numRows} x ${table.dim}`,
      table.stored.type,
      table.keys === undefined ? "" : "yes",
      formatBytes(table.stored.bytes),
      dtypeOf(table, dtype),
      formatBytes(table.numRows * rowBytes(dtypeOf(table, dtype), table.dim)),
    ]);
    lines.push("", formatTable(["table", "rows x dim", "in the file", "keys", "size", "in memory", "size"], rows));
    lines.push("", `${tables.length} table${tables.length === 1 ? "" : "s"}, ${formatBytes(heldBytes)} of rows`);
  } else lines.push("no tables");
  for (const one of leftOut.slice(0, MOST_LEFT_OUT)) lines.push(`left out: ${quote(one.name)} (${one.reason})`);
  if (leftOut.length > MOST_LEFT_OUT) lines.push(`... and ${leftOut.length - MOST_LEFT_OUT} more are left out`);
  if (tables.length === 0) return lines.join("\n");

  if (plan !== undefined)
    lines.push("", `plan for ${ranks} rank${ranks === 1 ? "" : "s"}, one lookup a table and sample:`, "", planText(plan));
  lines.push("");
  for (const { memory, node, neededBytes, limitBytes, refusal } of costs) {
    const what =
      neededBytes === undefined
        ? `does not fit: ${refusal}`
        : `${formatBytes(neededBytes)} of ${formatBytes(limitBytes)}${memory === "two" ? " on the fullest rank" : ""}`;
    lines.push(`memory "${memory}" (${node}): ${what}`);
  }
  if (plan !== undefined) {
    const { gathered, given } = sampleBytes(plan, tables);
    lines.push(`a sample reads ${gathered} bytes of rows, whole cache lines counted, and gives ${given} bytes of floats`);
  }
  return lines.join("\n");
}

function asJson({ model, plan, costs, heldBytes }: ModelReport, dtype: RowDtype): unknown {
  const { name, version, path, format, tables, leftOut } = model;
  return {
    name,
    version,
    path,
    format,
    tables: tables.map((table) => ({
      name: table.name,
      numRows: table.numRows,
      dim: table.dim,
      stored: table.stored,
      keys: table.keys !== undefined,
      dtype: dtypeOf(table, dtype),
      bytes: table.numRows * rowBytes(dtypeOf(table, dtype), table.dim),
    })),
    leftOut,
    tableBytes: heldBytes,
    memory: costs,
    plan,
    bytesPerSample: plan === undefined ? undefined : sampleBytes(plan, tables),
  };
}

function sampleBytes(plan: Plan, tables: readonly FileTable[]): { gathered: number; given: number } {
  return {
    gathered: plan.load.reduce((sum, { gatheredBytesPerSample }) => sum + gatheredBytesPerSample, 0),
    given: tables.reduce((sum, { dim }) => sum + dim * 4, 0),
  };
}

/** A plan prints names as they are; these come from a file. */
function planText(plan: Plan): string {
  return printPlan({ ...plan, tables: plan.tables.map((table) => ({ ...table, name: plain(table.name) })) });
}
