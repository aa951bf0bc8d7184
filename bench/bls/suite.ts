import { runLab } from "#host/lab/lab.js";
import { SCENARIOS, type Scenario } from "#host/lab/scenarios.js";
import { SLEEPS, type Sleep } from "#host/lab/stage.js";
import { MOST_LAG_BOUND, readLagWays, remedyWays } from "#host/lab/ways.js";
import { MESSAGES, type Messages } from "#host/lab/workload.js";
import type { Group } from "../report.js";
import { type Suite, type SuiteRun, UsageError } from "../suite.js";
import { groupOf } from "./group.js";
import { formatLags } from "./print.js";

const NAMES = Object.keys(SCENARIOS) as Scenario[];
const QUICK = { steps: 60, rounds: 1 } as const;
/** Without a delay what is to be seen is small: it takes so many pairs at least to settle it. */
const LEAST_ROUNDS_WITHOUT_DELAY = 10;

/** Bounded lag against the synchronous alltoallv, in the scenarios of `lagbag lab`. */
export const blsSuite: Suite = {
  summary:
    "Ranks that are late: what each lag bound makes of it beside the synchronous alltoallv and beside what the recorded times allow.",
  groups: SCENARIOS,
  options: {
    lag: { default: "0,4,16,64,auto", help: "lag bounds, 0 to 1022, or auto; 0 is always run: the others are compared with it" },
    steps: { default: "2000", help: `steps of a run, 1 to 1,000,000 (--quick: ${QUICK.steps})` },
    rounds: {
      default: "3",
      help: `rounds that count, each with a run of every bound, 1 to 1000; none has ${LEAST_ROUNDS_WITHOUT_DELAY} at least (--quick: ${QUICK.rounds})`,
    },
    ranks: { default: "4", help: "1 to 64; in most groups they sleep, so they need no cores" },
    "base-ms": { default: "1", help: "what every rank takes in every step, 0 to 1000" },
    "delay-ms": { default: "3", help: "the delay of a late rank, or its mean, 0 to 1000" },
    load: { default: "closed", help: "closed, or the fraction of the synchronous rate at which lookups arrive, 0.01 to 10" },
    messages: { default: "even", help: Object.keys(MESSAGES).join(", ") },
    sleep: { default: "block", help: "block: the rank's thread, or promise: the stage is asynchronous, and no goals are set" },
  },
  async run(run): Promise<Group[]> {
    const { quick, progress } = run;
    const rounds = quick ? QUICK.rounds : run.count("rounds", 1, 1000);
    const common = {
      ranks: run.count("ranks", 1, 64),
      steps: quick ? QUICK.steps : run.count("steps", 1, 1_000_000),
      baseMs: run.number("base-ms", 0, 1000),
      delayMs: run.number("delay-ms", 0, 1000),
      load: run.text("load") === "closed" ? ("closed" as const) : run.number("load", 0.01, 10),
      messages: oneOf<Messages>(run, "messages", MESSAGES),
      sleep: oneOf<Sleep>(run, "sleep", SLEEPS),
      seed: run.seed,
      ways: readLagWays(run.text("lag"), refuseLag),
      onProgress: (text: string) => progress.show(text),
    };
    const groups: Group[] = [];
    for (const scenario of NAMES.filter((name) => run.wants(name))) {
      const enough = scenario === "none" && !quick ? Math.max(rounds, LEAST_ROUNDS_WITHOUT_DELAY) : rounds;
      const ways = [...common.ways, ...remedyWays(scenario)];
      const result = await runLab({ ...common, ways, scenario, rounds: enough });
      progress.clear();
      // While a stage's promise is pending its rank goes on with the next step: bound 0 is no synchronous run then, and goals are not for it.
      const group = groupOf(result, { goals: common.sleep === "block" });
      groups.push(group);
      run.say(formatLags(group));
    }
    return groups;
  },
};

function oneOf<T extends string>(run: SuiteRun, option: string, names: Readonly<Record<T, string>>): T {
  const given = run.text(option);
  if (!Object.hasOwn(names, given)) throw new UsageError(`--${option}: got ${given}, expected one of ${Object.keys(names).join(", ")}`);
  return given as T;
}

function refuseLag(part: string): UsageError {
  return new UsageError(`--lag: got ${part}, expected auto or a whole number from 0 to ${MOST_LAG_BOUND}`);
}
