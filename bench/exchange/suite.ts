import { measureRounds, roundName } from "../measure/rounds.js";
import { caseReport, compare, type Group } from "../report.js";
import { median } from "../statistics.js";
import type { Suite, SuiteRun } from "../suite.js";
import { formatExchange } from "./print.js";
import { type ExchangeKind, type ExchangeRun, Team } from "./team.js";

const RANKS = [2, 4] as const;
const SIZES = [
  { name: "64b", bytes: 64 },
  { name: "4k", bytes: 4096 },
  { name: "256k", bytes: 262_144 },
] as const;

/** The first is what the others are compared with: the engine's default. */
const EXCHANGES: readonly { name: string; exchange: ExchangeKind }[] = [
  ...[4, 0, 1, 16].map((lagBound) => ({ name: `Alltoallv, lag bound ${lagBound}`, exchange: { kind: "alltoallv", lagBound } as const })),
  { name: "Atomics barrier", exchange: { kind: "barrier" } },
  { name: "postMessage, transfer", exchange: { kind: "ports" } },
];

interface Shape {
  name: string;
  ranks: number;
  bytes: number;
}

const SHAPES: readonly Shape[] = RANKS.flatMap((ranks) => SIZES.map(({ name, bytes }) => ({ name: `${ranks}x${name}`, ranks, bytes })));

/** The collective alone: no tables, no engine. */
export const exchangeSuite: Suite = {
  summary: "The alltoallv alone over worker threads, beside a barrier over shared memory and postMessage with transferred buffers.",
  groups: Object.fromEntries(SHAPES.map((shape) => [shape.name, describe(shape)])),
  options: {
    rounds: { default: "11", help: "rounds that count, 1 to 1000 (--quick: 3)" },
    "sample-ms": { default: "200", help: "milliseconds of a case in a round, about, 10 to 60,000 (--quick: 50)" },
  },
  async run(run): Promise<Group[]> {
    const { quick } = run;
    const timing = {
      rounds: quick ? 3 : run.count("rounds", 1, 1000),
      sampleSeconds: quick ? 0.05 : run.number("sample-ms", 10, 60_000) / 1000,
    };
    const groups: Group[] = [];
    for (const shape of SHAPES.filter(({ name }) => run.wants(name))) {
      const group = await measureShape(run, shape, timing);
      run.say(formatExchange(group));
      groups.push(group);
    }
    return groups;
  },
};

function describe({ ranks, bytes }: Shape): string {
  return `${ranks} ranks, messages of ${bytes.toLocaleString("en-US")} bytes`;
}

/** All kinds of exchange in turns; threads that are not running sleep. */
async function measureShape(run: SuiteRun, shape: Shape, timing: { rounds: number; sampleSeconds: number }): Promise<Group> {
  const { progress, seed } = run;
  const { name, ranks, bytes } = shape;
  const bytesPerStep = ranks * ranks * bytes;
  const teams: Team[] = [];
  try {
    progress.show(`${name}: starting threads`);
    for (const { exchange } of EXCHANGES) teams.push(await Team.open({ exchange, ranks, bytes, seed }));
    const runs = EXCHANGES.map((): ExchangeRun[] => []);
    const rates = await measureRounds(
      EXCHANGES.map((one, index) => ({
        kind: "external",
        name: one.name,
        unitsPerRun: 1,
        run: async (minSeconds) => {
          const took = await teams[index].run(minSeconds);
          runs[index].push(took);
          return { runs: took.steps, seconds: took.seconds };
        },
      })),
      { ...timing, onStart: (one, round) => progress.show(`${name}: ${roundName(round, timing.rounds)}: ${one}`) },
    );
    progress.clear();
    const cases = EXCHANGES.map((one, index) => {
      // The round that warms up does not count.
      const counted = runs[index].slice(1);
      const p50UsRounds = counted.map(({ p50Us }) => p50Us);
      const p99UsRounds = counted.map(({ p99Us }) => p99Us);
      return caseReport(one.name, "steps/s", rates[index], {
        kind: one.exchange.kind,
        ...("lagBound" in one.exchange ? { lagBound: one.exchange.lagBound } : {}),
        p50Us: median(p50UsRounds),
        p99Us: median(p99UsRounds),
        p50UsRounds,
        p99UsRounds,
      });
    });
    const [main, ...others] = cases;
    return {
      name,
      description: describe(shape),
      facts: { ranks, bytes, bytesPerStep, sampleSeconds: timing.sampleSeconds },
      cases,
      comparisons: others.map((one) => compare(main, one)),
    };
  } finally {
    await Promise.all(teams.map((team) => team.close()));
  }
}
