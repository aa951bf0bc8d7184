import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "lagbag";
import { type Contender, lookupContender } from "../engine/contenders.js";
import { withEngines } from "../engine/engines.js";
import { measureRounds, roundName } from "../measure/rounds.js";
import type { TimedCase } from "../measure/sample.js";
import { writeDataFile } from "../peers/data-file.js";
import { caseReport, compare, type Facts, type Group } from "../report.js";
import type { SuiteRun } from "../suite.js";
import { makeWorkload } from "../workloads/workload.js";
import { type DlrmWorkload, withDenseInputs, writeDenseFile } from "./batches.js";
import { comparePredictions, type Predictions, predictionsOf, TOLERANCE } from "./check.js";
import { type EngineSetting, openDlrm, RankWatch } from "./engines.js";
import { type ExportedModel, exportModel } from "./export.js";
import { type DlrmModel, type ModelSize, scaleModel } from "./models.js";
import { TorchDlrm } from "./torch.js";

/** The engines that are timed, each lookup a step of its own. */
const TIMED: Readonly<Record<string, EngineSetting>> = {
  "lagbag, 1 rank": { ranks: 1, lagBound: 4, maxCoalescedLookups: 1 },
  "lagbag, 2 ranks": { ranks: 2, lagBound: 4, maxCoalescedLookups: 1 },
  "lagbag, 2 ranks, lag bound 0": { ranks: 2, lagBound: 0, maxCoalescedLookups: 1 },
};
/** Only checked: their lookups share steps, so slices of samples begin and end elsewhere. */
const CHECKED: Readonly<Record<string, EngineSetting>> = {
  "lagbag, 1 rank, coalescing": { ranks: 1, lagBound: 0, maxCoalescedLookups: 256 },
  "lagbag, 2 ranks, coalescing": { ranks: 2, lagBound: 4, maxCoalescedLookups: 256 },
};
const TORCH_THREADS = [1, 2] as const;

/** What a model is measured with. */
export interface DlrmOptions {
  rounds: number;
  sampleSeconds: number;
  /** Lookups under way at any time. */
  inFlight: number;
  size: ModelSize;
  /** Samples that the stage runs its model on at once. */
  samplesPerRun: number;
  python: string;
  /** onnxruntime-node's folder, and its version in words. */
  runtime: string;
  runtimeVersion: string;
  /** For the run's files. */
  folder: string;
}

/** Exports a model, checks that all predict the same, then times them in rounds. */
export async function measureDlrm(run: SuiteRun, name: string, options: DlrmOptions & { model: DlrmModel }): Promise<Group> {
  const { model, size, python, runtime, samplesPerRun, folder } = options;
  const { divisor, shape } = scaleModel(model, size);
  run.progress.show(`${name}: exporting the model`);
  mkdirSync(folder);
  const plain = makeWorkload(shape, run.seed);
  const exported = await exportModel(name, plain, { python, divisor, folder });
  const workload = withDenseInputs(plain, exported.inputColumns, run.seed);
  const dataFile = join(folder, "batches");
  const denseFile = join(folder, "dense");
  writeDataFile(dataFile, [workload]);
  writeDenseFile(denseFile, workload);
  const open = (setting: EngineSetting) => (): Promise<Engine> => openDlrm(exported, workload, { ...setting, runtime, samplesPerRun });
  const torch: TorchDlrm[] = [];
  try {
    run.progress.show(`${name}: starting PyTorch`);
    for (const threads of TORCH_THREADS)
      torch.push(await TorchDlrm.start({ python, model: name, divisor, dataFile, denseFile, folder, threads }));
    run.progress.show(`${name}: opening engines`);
    const reference = await predictionsOf(torch[0].contender(workload), workload);
    const coalesced: Predictions[] = [];
    for (const [title, setting] of Object.entries(CHECKED))
      coalesced.push(
        await withEngines({ [title]: open(setting) }, ({ [title]: engine }) =>
          predictionsOf(lookupContender(title, engine, workload, workload.batches.length), workload),
        ),
      );
    return await withEngines(
      Object.fromEntries(Object.entries(TIMED).map(([title, setting]) => [title, open(setting)])),
      async (engines) => {
        const lagbag = Object.entries(engines).map(([title, engine]) => lookupContender(title, engine, workload, options.inFlight));
        const peers = torch.map((one) => one.contender(workload));
        run.progress.show(`${name}: comparing predictions`);
        const predicted: Predictions[] = [];
        for (const contender of [...lagbag, ...peers]) predicted.push(await predictionsOf(contender, workload));
        const ours = [...predicted.slice(0, lagbag.length), ...coalesced];
        const maxDifference = Math.max(...predicted.map((one) => comparePredictions(one, reference, TOLERANCE)));
        for (const one of ours) comparePredictions(one, ours[0], 0);
        return time(run, { name, workload, exported, divisor, options, maxDifference, engines, contenders: [...lagbag, ...peers], torch });
      },
    );
  } finally {
    for (const one of torch) await one.close();
  }
}

interface Checked {
  name: string;
  workload: DlrmWorkload;
  exported: ExportedModel;
  divisor: number;
  options: DlrmOptions;
  maxDifference: number;
  engines: Readonly<Record<string, Engine>>;
  contenders: readonly Contender[];
  torch: readonly TorchDlrm[];
}

async function time(run: SuiteRun, checked: Checked): Promise<Group> {
  const { name, workload, exported, divisor, options, maxDifference, engines, contenders, torch } = checked;
  const watches = new Map(Object.entries(engines).map(([title, engine]) => [title, new RankWatch(engine)]));
  const rates = await measureRounds(
    contenders.map(({ timed }) => inSamples(timed, workload)),
    {
      ...options,
      onStart: (title, round) => {
        run.progress.show(`${name}: ${roundName(round, options.rounds)}: ${title}`);
        if (round >= 0) watches.get(title)?.start();
      },
      onSample: (title, round) => {
        if (round >= 0) watches.get(title)?.stop();
      },
    },
  );
  const parts = new Map<string, object>();
  for (const one of torch) parts.set(one.name, await one.parts(options.sampleSeconds));
  run.progress.clear();
  const cases = contenders.map(({ timed, facts }, n) =>
    caseReport(timed.name, "samples/s", rates[n], {
      ...facts,
      ...settingFacts(TIMED[timed.name]),
      ...watches.get(timed.name)?.facts(),
      ...parts.get(timed.name),
    }),
  );
  const [oneRank, twoRanks, synchronous, oneThread, twoThreads] = cases;
  return {
    name,
    description: workload.title,
    facts: {
      divisor,
      samplesPerLookup: workload.batchSize,
      batches: workload.batches.length,
      rowBytesPerSample: workload.bytesPerBatch / workload.batchSize,
      layers: exported.layers,
      inFlight: options.inFlight,
      samplesPerRun: options.samplesPerRun,
      sampleSeconds: options.sampleSeconds,
      tolerance: TOLERANCE,
      maxDifference,
      stage: options.runtimeVersion,
    },
    cases,
    comparisons: [
      compare(oneRank, oneThread),
      compare(twoRanks, twoThreads),
      compare(synchronous, twoThreads),
      compare(twoRanks, oneRank),
      compare(twoThreads, oneThread),
    ],
  };
}

/** In words: a lag bound as a number would have pages draw it against the rates of all cases. */
function settingFacts(setting: EngineSetting | undefined): Facts {
  return setting === undefined ? {} : { ranks: setting.ranks, steps: `lag bound ${setting.lagBound}, each step one lookup` };
}

/** The case of a contender with samples for units; a run is the whole rotation. */
function inSamples(timed: TimedCase, { batchSize, batches }: DlrmWorkload): TimedCase {
  return { ...timed, unitsPerRun: batchSize * batches.length };
}
