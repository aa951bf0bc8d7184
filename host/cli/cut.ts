import { cutModel } from "../cut/cut.js";
import { quote } from "../tables/fault.js";
import { type CliOption, describeCommand, readArguments, wantsHelp } from "./arguments.js";
import { type Command, UsageError } from "./command.js";
import { Progress } from "./progress.js";
import { formatBytes, formatTable } from "./text-table.js";

const USAGE = "cut MODEL.onnx --out DIR [options]";
const SUMMARY = "splits an ONNX recommender into tables for lagbag and the dense rest for onnxruntime";
const OPTIONS: Readonly<Record<string, CliOption>> = {
  out: { type: "string", value: "DIR", help: "folder for MODEL.safetensors, dense.onnx and lagbag.json" },
  leave: { type: "string", multiple: true, value: "TABLE", help: "keeps a table in the dense part; may be given several times" },
  force: { type: "boolean", help: "replace these files if they are there" },
};

export const cutCommand: Command = { summary: SUMMARY, run };

async function run(args: readonly string[]): Promise<number> {
  if (wantsHelp(args)) {
    process.stdout.write(describeCommand(USAGE, SUMMARY, OPTIONS));
    return 0;
  }
  const given = readArguments(args, OPTIONS, ["MODEL.onnx"]);
  const out = given.text("out");
  if (out === undefined || out === "") throw new UsageError("--out: got none, expected the folder for what is cut");
  const progress = new Progress();
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    const cut = await cutModel(given.positionals[0], {
      out,
      leave: given.list("leave"),
      force: given.flag("force"),
      signal: stop.signal,
      onProgress: ({ table, bytesDone, totalBytes }) =>
        progress.show(() => `${quote(table)}: ${((100 * bytesDone) / totalBytes).toFixed(0)} % of ${formatBytes(totalBytes)}`),
    });
    progress.clear();
    const rows = cut.features.map(({ name, table, pooling, indices, denseInput, denseShape }) => [
      quote(name),
      quote(table),
      pooling,
      `${quote(indices.input)}${indices.select.map((one) => ` ${JSON.stringify(one)}`).join("")}`,
      `${quote(denseInput)} [${denseShape.join(", ")}]`,
    ]);
    process.stdout.write(`${formatTable(["feature", "table", "pooling", "indices from", "dense input"], rows)}\n\n`);
    process.stdout.write(`wrote ${cut.tables}, ${cut.dense} and lagbag.json to ${out}\n`);
    return 0;
  } finally {
    progress.clear();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}
