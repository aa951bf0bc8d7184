import type { Group } from "../report.js";
import { formatComparison } from "../report.js";
import type { Suite, SuiteRun } from "../suite.js";
import { formatMB } from "../text-table.js";
import { manyRows } from "../workloads/shapes.js";
import { makeWorkload, type Workload } from "../workloads/workload.js";
import { formatCases, type ScaleOptions } from "./measure.js";
import { measureRanks } from "./ranks.js";
import { dlrmV2, longRows } from "./shapes.js";
import { measureStealing } from "./stealing.js";

/** How much two ranks do, and how evenly. */
export const scaleSuite: Suite = {
  summary: "Two ranks against one, and ranks that help each other when their tables are unevenly hot.",
  groups: {
    "ranks-w1": "throughput of 1 and 2 ranks: 1M x 64, 512 bags of 32",
    "ranks-w3": "throughput of 1 and 2 ranks: 8 x 1M x 128, batch 256, 80 lookups",
    stealing: "MLPerf DLRMv2 with whole tables and no predictions: work stealing on against off, and what each rank gathers",
  },
  options: {
    rounds: { default: "11", help: "rounds that count, 1 to 1000 (--quick: 3)" },
    "sample-ms": { default: "200", help: "least milliseconds of a case in a round, 10 to 60,000 (--quick: 50)" },
    "in-flight": { default: "8", help: "lookups under way at any time, 1 to 1024" },
    "w3-scale": { default: "4", help: "divides the row counts of W3, 1 to 1,000,000; 1 is 3.8 GiB, held three times (--quick: 64)" },
    "dlrm-scale": {
      default: "200",
      help: "divides the row counts of DLRMv2, 30 to 1,000,000; 200 is 0.49 GiB, held three times (--quick: 4000)",
    },
  },
  async run(run): Promise<Group[]> {
    const { quick, seed } = run;
    const options: ScaleOptions = {
      rounds: quick ? 3 : run.count("rounds", 1, 1000),
      sampleSeconds: quick ? 0.05 : run.number("sample-ms", 10, 60_000) / 1000,
      inFlight: run.count("in-flight", 1, 1024),
      checkedBatches: quick ? 1 : 4,
    };
    const w3Scale = quick ? 64 : run.number("w3-scale", 1, 1e6);
    const dlrmScale = quick ? 4000 : run.number("dlrm-scale", 30, 1e6);
    const groups: Group[] = [];
    const tell = (workload: Workload, group: Group): void => {
      groups.push(group);
      sayGroup(run, workload, group);
    };
    for (const shape of [manyRows({ quick }), longRows({ quick, scaleDown: w3Scale })]) {
      if (!run.wants(`ranks-${shape.name}`)) continue;
      const workload = makeWorkload(shape, seed);
      tell(workload, await measureRanks(run, workload, options));
    }
    if (run.wants("stealing")) {
      const workload = makeWorkload(dlrmV2({ scaleDown: dlrmScale, quick }), seed);
      tell(workload, await measureStealing(run, workload, options));
    }
    return groups;
  },
};

function sayGroup(
  run: SuiteRun,
  { batches, bytesPerBatch, rowsPerBatch }: Workload,
  { name, description, cases, comparisons }: Group,
): void {
  run.say(`
${name}: ${description}
${batches.length} batches in rotation, ${formatMB(bytesPerBatch)} of rows each; each lookup a step of its own
${cases[0].rounds.length} rounds, medians; rows as the ranks' threads gathered them in all rounds, for whomever

${formatCases(cases, bytesPerBatch / rowsPerBatch)}

${comparisons.map(formatComparison).join("\n")}`);
}
