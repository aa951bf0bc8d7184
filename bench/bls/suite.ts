import { orderOfRound, roundName } from "../measure/rounds.js";
import { type Comparison, caseReport, type Group } from "../report.js";
import { median, ratios, summarise } from "../statistics.js";
import { type Suite, type SuiteRun, UsageError } from "../suite.js";
import { expectedValues } from "../workloads/check.js";
import { type Batch, makeWorkload, materialise, type Workload } from "../workloads/workload.js";
import { DELAY_SHAPES, type DelayShape, planDelays } from "./delays.js";
import { LagEngine, type LagRun } from "./lag-engine.js";
import { formatLags, lagName } from "./print.js";
import type { Sleep } from "./stage.js";

const SHAPES = Object.keys(DELAY_SHAPES) as DelayShape[];
/** The first is what the others are compared with; the second is the one that has goals. */
const LAG_BOUNDS = [0, 16, 1, 4] as const;
/** Least median share of what the recorded delays allow. Rare pauses of 60 ms are more than 16 steps can hide: no goal. */
const SHARE_GOALS: Partial<Record<DelayShape, number>> = { rotating: 0.95, exponential: 0.95 };
/** Least median gain: without delays lag may cost 2 %. */
const GAIN_GOALS: Partial<Record<DelayShape, number>> = { none: 0.98 };
const BATCHES = 16;
/** Of each lag bound, for the report's pictures. */
const TIMELINE_STEPS = 24;
/** Without a delay a run is short, and what is to be seen is small: more rounds cost nothing and settle it. */
const MORE_ROUNDS_WITHOUT_DELAY = 3;

/** Bounded lag against the synchronous alltoallv, with ranks that are late. */
export const blsSuite: Suite = {
  summary:
    "What a bounded lag gains over the synchronous alltoallv (lag bound 0) when ranks are late, beside what the recorded delays allow.",
  groups: DELAY_SHAPES,
  options: {
    steps: { default: "200", help: "steps of a run, 1 to 100,000 (--quick: 40)" },
    rounds: { default: "7", help: "rounds that count, each with a run of every lag bound, 1 to 1000 (--quick: 2)" },
    ranks: { default: "4", help: "2 to 64; they sleep, so they need no cores" },
    "base-ms": { default: "1", help: "what every rank takes in every step, 0 to 1000" },
    "delay-ms": { default: "3", help: "the delay of a late rank, or its mean, 0 to 1000" },
    sleep: { default: "block", help: "block: the rank's thread, or promise: the stage is asynchronous" },
  },
  async run(run): Promise<Group[]> {
    const { quick, seed, progress } = run;
    const sleep = run.text("sleep");
    if (sleep !== "block" && sleep !== "promise") throw new UsageError(`--sleep: got ${sleep}, expected block or promise`);
    const setting: Setting = {
      sleep,
      ranks: run.count("ranks", 2, 64),
      steps: quick ? 40 : run.count("steps", 1, 100_000),
      rounds: quick ? 2 : run.count("rounds", 1, 1000),
      baseMs: run.number("base-ms", 0, 1000),
      delayMs: run.number("delay-ms", 0, 1000),
    };
    const workload = smallTables(seed);
    const expected = expectedValues(workload, workload.seededTables.map(materialise), BATCHES);
    const engines: LagEngine[] = [];
    try {
      progress.show("opening engines");
      for (const lagBound of LAG_BOUNDS) engines.push(await LagEngine.open(workload, { ...setting, lagBound }));
      const groups: Group[] = [];
      for (const shape of SHAPES.filter((name) => run.wants(name))) {
        const group = await measureShape(run, shape, { setting, engines, expected });
        run.say(formatLags(group));
        groups.push(group);
      }
      return groups;
    } finally {
      await Promise.all(engines.map((engine) => engine.close()));
    }
  },
};

interface Setting {
  ranks: number;
  steps: number;
  rounds: number;
  baseMs: number;
  delayMs: number;
  sleep: Sleep;
}

interface Bench {
  setting: Setting;
  engines: readonly LagEngine[];
  expected: ReadonlyMap<Batch, Float32Array>;
}

/** So small that pooling costs next to nothing beside the delays. */
function smallTables(seed: number): Workload {
  return makeWorkload(
    {
      name: "small",
      title: "8 tables of 10,000 x 16",
      tables: Array.from({ length: 8 }, () => ({ numRows: 10_000, dim: 16 })),
      batchSize: 64,
      bagSize: 1,
      batchCount: BATCHES,
    },
    seed,
  );
}

/** Runs all lag bounds in turns, on the same delays in every one. */
async function measureShape(run: SuiteRun, shape: DelayShape, { setting, engines, expected }: Bench): Promise<Group> {
  const planned = planDelays(shape, { ...setting, seed: run.seed });
  const rounds = setting.rounds * (shape === "none" ? MORE_ROUNDS_WITHOUT_DELAY : 1);
  const runs = engines.map((): LagRun[] => []);
  // One run that does not count: threads and compilers warm up.
  for (const engine of engines) await engine.run(new Float64Array(planned.length), expected);
  for (let round = 0; round < rounds; round += 1) {
    for (const index of orderOfRound(engines.length, round)) {
      run.progress.show(`${shape}: ${roundName(round, rounds)}, lag bound ${engines[index].lagBound}`);
      runs[index].push(await engines[index].run(planned, expected));
    }
  }
  run.progress.clear();
  const cases = engines.map(({ lagBound }, index) =>
    caseReport(
      lagName(lagBound),
      "steps/s",
      runs[index].map(({ stepsPerSecond }) => stepsPerSecond),
      {
        lagBound,
        efficiency: median(runs[index].map(({ efficiency }) => efficiency)),
        idealGain: median(runs[index].map(({ ideal }) => ideal.gain)),
      },
    ),
  );
  const [synchronous, ...lagging] = cases;
  // While a stage's promise is pending its rank goes on with the next step, so lag bound 0 is no synchronous run then, and the ideal is not for it.
  const goals = setting.sleep === "block" ? { gain: GAIN_GOALS[shape], share: SHARE_GOALS[shape] } : {};
  return {
    name: shape,
    description: DELAY_SHAPES[shape],
    facts: { ...setting, rounds, memoryMode: engines[0].memoryMode },
    cases,
    // In the order of the lag bounds, so that a page shows more slant with each.
    timelines: [...engines]
      .sort((a, b) => a.lagBound - b.lagBound)
      .map((engine) => engine.timeline(lagName(engine.lagBound), TIMELINE_STEPS)),
    comparisons: lagging.flatMap((one, n) => {
      const isMain = n === 0;
      const ideal = idealOfPairs(runs[0], runs[n + 1]);
      const gain = ratios(one.rounds, synchronous.rounds);
      const pair = (what: string, values: readonly number[], goal?: number): Comparison => ({
        of: one.name,
        to: synchronous.name,
        what,
        rounds: values,
        summary: summarise(values),
        ...(isMain && goal !== undefined ? { goal } : {}),
      });
      return [pair("gain", gain, goals.gain), pair("ideal", ideal), pair("gain/ideal", ratios(gain, ideal), goals.share)];
    }),
  };
}

/** By the delays that the two runs of a round recorded; where these differ, the stricter. */
function idealOfPairs(some: readonly LagRun[], others: readonly LagRun[]): number[] {
  return some.map(({ ideal }, round) => Math.max(ideal.gain, others[round].ideal.gain));
}
