import { ROW_DTYPES } from "../rows/rows.js";
import { quote } from "../tables/fault.js";
import { openModels } from "../tables/open-models.js";
import { writeSafetensors } from "../tables/write-safetensors.js";
import { type CliOption, describeCommand, readArguments, wantsHelp } from "./arguments.js";
import { type Command, UsageError } from "./command.js";
import { Progress } from "./progress.js";
import { formatBytes } from "./text-table.js";

const USAGE = "convert IN OUT.safetensors [options]";
const SUMMARY = "writes the tables of a model file or folder to one safetensors file";
const OPTIONS: Readonly<Record<string, CliOption>> = {
  dtype: {
    type: "string",
    value: "TYPE",
    help: `${ROW_DTYPES.join(", ")}: how rows are written; default: quantised rows as they are, others fp32`,
  },
  force: { type: "boolean", help: "replace OUT if it is there" },
};

export const convertCommand: Command = { summary: SUMMARY, run };

async function run(args: readonly string[]): Promise<number> {
  if (wantsHelp(args)) {
    process.stdout.write(describeCommand(USAGE, SUMMARY, OPTIONS));
    return 0;
  }
  const given = readArguments(args, OPTIONS, ["IN", "OUT.safetensors"]);
  const [from, to] = given.positionals;
  const dtype = given.choice("dtype", ROW_DTYPES);
  if (!to.endsWith(".safetensors")) throw new UsageError(`OUT: got ${to}, expected a name that ends in .safetensors`);
  const progress = new Progress();
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  const models = await openModels(from);
  try {
    const [model] = models;
    if (models.length > 1) {
      throw new UsageError(
        `IN: got ${models.length} models (${models
          .map(({ name }) => quote(name))
          .join(", ")
          .slice(0, 200)}), expected one: give one of them`,
      );
    }
    if (model.tables.length === 0)
      throw new UsageError(`IN: got no table in ${from}, expected at least one; lagbag inspect says what is in it`);
    await writeSafetensors(to, model.tables, {
      force: given.flag("force"),
      signal: stop.signal,
      ...(dtype === undefined ? {} : { dtype }),
      onProgress: ({ table, bytesDone, totalBytes }) =>
        progress.show(() => `${quote(table)}: ${((100 * bytesDone) / totalBytes).toFixed(0)} % of ${formatBytes(totalBytes)}`),
    });
    progress.clear();
    for (const { name, reason } of model.leftOut) process.stderr.write(`left out: ${quote(name)} (${reason})\n`);
    process.stdout.write(`wrote ${to}: ${model.tables.length} table${model.tables.length === 1 ? "" : "s"}\n`);
    return 0;
  } finally {
    progress.clear();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    await Promise.all(models.map((one) => one.close()));
  }
}
