import type { Group } from "../report.js";
import type { Suite } from "../suite.js";
import { manyRows } from "../workloads/shapes.js";
import { makeWorkload, type WorkloadShape } from "../workloads/workload.js";
import { type FormatGoals, measureFormats } from "./measure.js";
import { formatFormats } from "./print.js";

/** Of the groups that show throughput by dim and format. */
const DIMS = [16, 32, 64, 128] as const;

function dimGroup(dim: number): string {
  return `dim-${dim}`;
}

/** Row formats beside fp32, on the caller's thread. */
export const formatsSuite: Suite = {
  summary: "Row formats: fp16, int8, int4 and int2 beside fp32 rows, one thread, pooled by lookupSync.",
  groups: {
    w1: "1M x 64, 512 bags of 32",
    w3: "8 tables x 128, batch 256, 80 lookups",
    ...Object.fromEntries(DIMS.map((dim) => [dimGroup(dim), `500k x ${dim}, 512 bags of 32: throughput by dim`])),
  },
  options: {
    rounds: { default: "11", help: "rounds that count, 1 to 1000 (--quick: 3)" },
    "sample-ms": { default: "200", help: "least milliseconds of a case in a round, 10 to 60,000 (--quick: 50)" },
    "w3-scale": {
      default: "4",
      help: "divides the 1,000,000 rows of w3's tables, 3 to 1,000; 4 takes 2.1 GB in all formats (--quick: 32)",
    },
  },
  async run(run): Promise<Group[]> {
    const { quick, seed } = run;
    const options = {
      rounds: quick ? 3 : run.count("rounds", 1, 1000),
      sampleSeconds: quick ? 0.05 : run.number("sample-ms", 10, 60_000) / 1000,
    };
    const scale = quick ? 32 : run.number("w3-scale", 3, 1000);
    const work: { name: string; shape: WorkloadShape; checkedBatches: number; goals: FormatGoals; dim?: number }[] = [
      { name: "w1", shape: manyRows({ quick }), checkedBatches: quick ? 2 : 8, goals: { int8: 1.3 } },
      { name: "w3", shape: longRows(scale), checkedBatches: 1, goals: { int8: 1.5 } },
      ...DIMS.map((dim) => ({ name: dimGroup(dim), shape: byDim(dim, { quick }), checkedBatches: quick ? 2 : 8, goals: {}, dim })),
    ];
    const groups: Group[] = [];
    for (const { shape, ...what } of work.filter(({ name }) => run.wants(name))) {
      const group = await measureFormats(run, makeWorkload(shape, seed), { ...options, ...what });
      run.say(formatFormats(group));
      groups.push(group);
    }
    return groups;
  },
};

/** W3, its tables' rows divided by `scale` and rounded up: in full it would not fit into one memory beside its other formats. */
function longRows(scale: number): WorkloadShape {
  const numRows = Math.ceil(1_000_000 / scale);
  return {
    name: "w3",
    title: `8 tables of ${numRows.toLocaleString("en-US")} x 128 (W3, rows divided by ${scale}), batch 256, 80 lookups, uniform`,
    tables: Array.from({ length: 8 }, () => ({ numRows, dim: 128 })),
    batchSize: 256,
    bagSize: 80,
    batchCount: 8,
  };
}

/** The same bags over rows of different lengths. */
function byDim(dim: number, { quick }: { quick: boolean }): WorkloadShape {
  const numRows = quick ? 50_000 : 500_000;
  return {
    name: dimGroup(dim),
    title: `${numRows.toLocaleString("en-US")} x ${dim}, 512 bags of 32 rows, uniform`,
    tables: [{ numRows, dim }],
    batchSize: 512,
    bagSize: 32,
    batchCount: quick ? 8 : 48,
  };
}
