import { dirname, join } from "node:path";
import { installPackages } from "../peers/packages.js";
import { Unavailable } from "../peers/peer.js";
import { withScratch } from "../peers/scratch.js";
import { findTorch } from "../peers/torch.js";
import type { Group } from "../report.js";
import { type Suite, type SuiteRun, UsageError } from "../suite.js";
import { measureDlrm } from "./measure.js";
import { MODELS } from "./models.js";
import { formatDlrm } from "./print.js";

const BATCHES = 12;

/** Whole models: tables in the engine, dense layers in its stage, against PyTorch. */
export const dlrmSuite: Suite = {
  summary:
    "Inference of whole DLRMs, samples a second: the engine with lagbag/onnx-stage on one and two ranks against PyTorch on one and two threads.\nNeeds a Python with torch and numpy (Debian: python3-torch); onnxruntime-node is installed when it is missing.",
  groups: Object.fromEntries(Object.entries(MODELS).map(([name, { what, samples }]) => [name, `${what}; ${samples} samples a lookup`])),
  defaultGroups: ["criteo-kaggle"],
  options: {
    rounds: { default: "11", help: "rounds that count, 1 to 1000 (--quick: 3)" },
    "sample-ms": { default: "500", help: "least milliseconds of a case in a round, 10 to 60,000 (--quick: 50)" },
    batch: { default: "model", help: "samples a lookup, 1 to 65,536; model: as the list above says (--quick: 64)" },
    "samples-per-run": {
      default: "model",
      help: "samples that the stage runs its model on at once, 1 to 65,536; model: 64, or what fills its runs up (--quick: 32)",
    },
    "in-flight": { default: "4", help: "lookups under way at any time, 1 to 1024" },
    "max-table-mb": {
      default: "600",
      help: "most MB of rows; row counts of larger models are divided, 1 to 1200; held six times (--quick: 4)",
    },
    python: { default: "auto", help: "a Python with torch; auto: python3, or /usr/bin/python3" },
  },
  async run(run): Promise<Group[]> {
    const { quick } = run;
    const timing = {
      rounds: quick ? 3 : run.count("rounds", 1, 1000),
      sampleSeconds: quick ? 0.05 : run.number("sample-ms", 10, 60_000) / 1000,
      inFlight: run.count("in-flight", 1, 1024),
    };
    const maxBytes = (quick ? 4 : run.number("max-table-mb", 1, 1200)) * 1e6;
    const given = (option: string): number | undefined => (run.text(option) === "model" ? undefined : run.count(option, 1, 65_536));
    const [batch, perRun] = [given("batch"), given("samples-per-run")];
    const python = await pythonOf(run);
    const { require, versions } = await installPackages(["onnxruntime-node"], run.say);
    const runtime = dirname(require.resolve("onnxruntime-node/package.json"));
    return withScratch(async (scratch) => {
      const groups: Group[] = [];
      for (const [name, model] of Object.entries(MODELS)) {
        if (!run.wants(name)) continue;
        const samples = batch ?? (quick ? 64 : model.samples);
        const samplesPerRun = perRun ?? (quick ? 32 : model.samplesPerRun);
        const size = { maxBytes, samples, batchCount: quick ? 4 : BATCHES };
        const folder = join(scratch, name);
        const group = await measureDlrm(run, name, {
          ...timing,
          model,
          size,
          samplesPerRun,
          python,
          runtime,
          runtimeVersion: versions,
          folder,
        });
        run.say(formatDlrm(group));
        groups.push(group);
      }
      return groups;
    });
  },
};

/** The Python of --python. PyTorch also writes the model, so nothing can be measured without one. @throws (rejects) UsageError */
async function pythonOf(run: SuiteRun): Promise<string> {
  const asked = run.text("python");
  try {
    return (await findTorch(asked === "auto" ? undefined : [asked])).python;
  } catch (error) {
    if (error instanceof Unavailable) throw new UsageError(`--python: ${error.message}`);
    throw error;
  }
}
