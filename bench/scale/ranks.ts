import { openOver, withEngines } from "../engine/engines.js";
import { compare, type Group } from "../report.js";
import type { SuiteRun } from "../suite.js";
import type { Workload } from "../workloads/workload.js";
import { measureEngines, type ScaleOptions } from "./measure.js";

const ONE = "1 rank";
const TWO = "2 ranks";
const ALONE = "2 ranks, no stealing";
/** What the project wants of two ranks. */
const GOAL = 1.8;

/** One rank against two, with and without work stealing. */
export function measureRanks(run: SuiteRun, workload: Workload, options: ScaleOptions): Promise<Group> {
  const how = { inline: "never", lagBound: 4, maxCoalescedLookups: 1 } as const;
  run.progress.show(`${workload.name}: opening engines`);
  return withEngines(
    {
      [ONE]: () => openOver(workload, { ...how, ranks: 1 }),
      [TWO]: () => openOver(workload, { ...how, ranks: 2, workStealing: true }),
      [ALONE]: () => openOver(workload, { ...how, ranks: 2, workStealing: false }),
    },
    async (engines) => {
      const cases = await measureEngines(run, workload, engines, options);
      const [one, two, alone] = cases;
      return {
        name: `ranks-${workload.name}`,
        description: workload.title,
        facts: { ...options, rowsPerBatch: workload.rowsPerBatch, bytesPerBatch: workload.bytesPerBatch },
        cases,
        comparisons: [compare(two, one, GOAL), compare(alone, one), compare(two, alone)],
      };
    },
  );
}
