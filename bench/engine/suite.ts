import type { Group } from "../report.js";
import type { Suite, SuiteRun } from "../suite.js";
import { criteoKaggle, manyRows, oneSample } from "../workloads/shapes.js";
import { makeWorkload } from "../workloads/workload.js";
import { measureLatency } from "./latency.js";
import { formatLatency, formatThroughput } from "./print.js";
import { measureThroughput, type ThroughputOptions } from "./throughput.js";

/** The engine end to end beside plain TypeScript. */
export const engineSuite: Suite = {
  summary: "The engine end to end, with one and two ranks and on the caller's thread, beside plain TypeScript loops.",
  groups: {
    w1: "throughput: 1M x 64, 512 bags of 32",
    criteo: "throughput: Criteo Kaggle shape, batch 2,048, one lookup a feature",
    sample: "latency: one sample, 26 tables",
  },
  options: {
    rounds: { default: "11", help: "rounds that count, 1 to 1000 (--quick: 3)" },
    "sample-ms": { default: "200", help: "least milliseconds of a case in a round, 10 to 60,000 (--quick: 50)" },
    "in-flight": { default: "4", help: "lookups under way at any time, 1 to 1024" },
    "criteo-scale": {
      default: "4",
      help: "divides Criteo Kaggle's row counts, 1 to 1,000,000; 1 is 2.01 GiB, held four times (--quick: 32)",
    },
  },
  async run(run): Promise<Group[]> {
    const { quick, seed } = run;
    const timing = {
      rounds: quick ? 3 : run.count("rounds", 1, 1000),
      sampleSeconds: quick ? 0.05 : run.number("sample-ms", 10, 60_000) / 1000,
    };
    const throughput = (checkedBatches: number, goals: ThroughputOptions["goals"]): ThroughputOptions => ({
      ...timing,
      goals,
      checkedBatches,
      inFlight: run.count("in-flight", 1, 1024),
    });
    const scaleDown = quick ? 32 : run.number("criteo-scale", 1, 1e6);
    const groups: Group[] = [];
    if (run.wants("w1")) {
      const options = throughput(quick ? 4 : 48, { simple: 12, best: 4, oneRank: 1.7 });
      groups.push(tell(run, await measureThroughput(run, makeWorkload(manyRows({ quick }), seed), options), formatThroughput));
    }
    if (run.wants("criteo")) {
      groups.push(
        tell(
          run,
          await measureThroughput(run, makeWorkload(criteoKaggle({ quick, scaleDown }), seed), throughput(quick ? 2 : 8, {})),
          formatThroughput,
        ),
      );
    }
    if (run.wants("sample")) {
      const workload = makeWorkload(oneSample({ quick }), seed);
      groups.push(tell(run, await measureLatency(run, workload, { ...timing, checkedBatches: 256 }), formatLatency));
    }
    return groups;
  },
};

function tell(run: SuiteRun, group: Group, format: (group: Group) => string): Group {
  run.say(format(group));
  return group;
}
