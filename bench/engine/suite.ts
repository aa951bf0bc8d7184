import { PEERS, readPeerNames } from "../peers/catalogue.js";
import type { Group } from "../report.js";
import { type Suite, type SuiteRun, UsageError } from "../suite.js";
import { PUBLIC_SHAPES } from "../workloads/public-shapes.js";
import { scaleToFit } from "../workloads/scale.js";
import { longRows, manyRows, oneSample, singleRows, skewedRows } from "../workloads/shapes.js";
import { requestedTrace, TRACE_OPTIONS } from "../workloads/trace.js";
import { makeWorkload, type WorkloadShape } from "../workloads/workload.js";
import { measureLatency } from "./latency.js";
import { formatLatency, formatThroughput } from "./print.js";
import { measureThroughput, type ThroughputOptions } from "./throughput.js";

/** Workloads of which the throughput is measured, and what is wanted of the engine with 2 ranks. */
interface ThroughputGroup {
  shape: (size: { quick: boolean; maxBytes: number }) => WorkloadShape;
  goals: ThroughputOptions["goals"];
}

const THROUGHPUT: Readonly<Record<string, ThroughputGroup>> = {
  w1: { shape: manyRows, goals: { simple: 12, best: 4, oneRank: 1.8, onnxruntime: 2 } },
  w2: { shape: singleRows, goals: { onnxruntime: 5 } },
  w3: { shape: ({ maxBytes }) => longRows(maxBytes), goals: { oneRank: 1.8, onnxruntime: 2 } },
  w4: { shape: skewedRows, goals: { onnxruntime: 2 } },
  criteo: { shape: ({ maxBytes }) => scaleToFit(PUBLIC_SHAPES.criteo, maxBytes), goals: {} },
};

/** The engine end to end beside plain TypeScript and peers. */
export const engineSuite: Suite = {
  summary: "The engine end to end, with one and two ranks and on the caller's thread, beside plain TypeScript loops and peers.",
  groups: {
    w1: "throughput: 1M x 64, 512 bags of 32",
    w2: "throughput: 26 tables of 100k x 16, batch 2,048, one lookup",
    w3: "throughput: 8 tables of 1M x 128, batch 256, 80 lookups",
    w4: "throughput: W1 with Zipf 1.05",
    criteo: "throughput: Criteo Kaggle shape, batch 2,048, one lookup a feature",
    sample: "latency: one sample, 26 tables (W5)",
    trace: "throughput: the bags of --indices, and nothing else",
  },
  options: {
    rounds: { default: "11", help: "rounds that count, 1 to 1000 (--quick: 3)" },
    "sample-ms": { default: "200", help: "least milliseconds of a case in a round, 10 to 60,000 (--quick: 50)" },
    "in-flight": { default: "4", help: "lookups under way at any time, 1 to 1024" },
    "max-table-mb": {
      default: "1100",
      help: "most MB of rows; row counts of larger shapes are divided, 1 to 4200; held five times (--quick: 64)",
    },
    ...TRACE_OPTIONS,
    peers: { default: "onnxruntime-node", help: `all, none, or names: ${Object.keys(PEERS).join(", ")}` },
  },
  async run(run): Promise<Group[]> {
    const { quick, seed } = run;
    const timing = {
      rounds: quick ? 3 : run.count("rounds", 1, 1000),
      sampleSeconds: quick ? 0.05 : run.number("sample-ms", 10, 60_000) / 1000,
      peers: readPeerNames(run.text("peers")),
    };
    const maxBytes = (quick ? 64 : run.number("max-table-mb", 1, 4200)) * 1e6;
    const inFlight = run.count("in-flight", 1, 1024);
    const common = { ...timing, inFlight, checkedBatches: quick ? 2 : 8 };
    const trace = await requestedTrace(run, maxBytes);
    if (trace !== undefined) return [tell(run, await measureThroughput(run, trace, { ...common, goals: {} }), formatThroughput)];
    const groups: Group[] = [];
    for (const [name, { shape, goals }] of Object.entries(THROUGHPUT)) {
      if (!run.wants(name)) continue;
      const workload = makeWorkload(shape({ quick, maxBytes }), seed);
      groups.push(tell(run, await measureThroughput(run, workload, { ...common, goals }), formatThroughput));
    }
    if (run.wants("sample")) {
      const workload = makeWorkload(oneSample({ quick }), seed);
      groups.push(tell(run, await measureLatency(run, workload, { ...timing, checkedBatches: 256 }), formatLatency));
    }
    if (groups.length === 0) throw new UsageError("trace: got no --indices, expected a file");
    return groups;
  },
};

function tell(run: SuiteRun, group: Group, format: (group: Group) => string): Group {
  run.say(format(group));
  return group;
}
