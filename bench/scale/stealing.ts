import { type Engine, openEngine } from "lagbag";
import { withEngines } from "../engine/engines.js";
import { compare, type Group } from "../report.js";
import { summarise } from "../statistics.js";
import type { SuiteRun } from "../suite.js";
import type { Workload } from "../workloads/workload.js";
import { measureEngines, type ScaleOptions } from "./measure.js";

const OFF = "no stealing";
const ON = "stealing";
const TOLD = "no stealing, plan told the lookups a sample";
/** The slowest rank is to gather at most 10 % more than the mean. */
const SHARE_GOAL = 0.91;

/** Whole tables on two ranks by a plan that was told nothing of what is hot: with stealing, without, and beside a plan that knows. */
export function measureStealing(run: SuiteRun, workload: Workload, options: ScaleOptions): Promise<Group> {
  const open = (workStealing: boolean, lookups?: readonly number[]): Promise<Engine> =>
    openEngine({
      inline: "never",
      ranks: 2,
      lagBound: 4,
      maxCoalescedLookups: 1,
      workStealing,
      tables: workload.seededTables.map((table, n) => ({ ...table, sharding: "table", lookupsPerSample: lookups?.[n] ?? 1 })),
    });
  run.progress.show(`${workload.name}: opening engines`);
  return withEngines(
    { [OFF]: () => open(false), [ON]: () => open(true), [TOLD]: () => open(false, workload.bagSizes) },
    async (engines) => {
      const cases = await measureEngines(run, workload, engines, options);
      const [off, on, told] = cases;
      const evenness = [1 / Number(on.facts.largestShare)];
      return {
        name: workload.name,
        description: workload.title,
        facts: { ...options, rowsPerBatch: workload.rowsPerBatch, bytesPerBatch: workload.bytesPerBatch },
        cases,
        comparisons: [
          {
            what: "rows gathered",
            of: "mean of the ranks",
            to: "largest of the ranks",
            rounds: evenness,
            summary: summarise(evenness),
            goal: SHARE_GOAL,
          },
          compare(on, off),
          compare(on, told),
        ],
      };
    },
  );
}
