import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { PEERS, readPeerNames } from "../peers/catalogue.js";
import { withScratch } from "../peers/scratch.js";
import type { Group } from "../report.js";
import { type Suite, type SuiteRun, UsageError } from "../suite.js";
import { metaTrace, PUBLIC_SHAPES } from "../workloads/public-shapes.js";
import { type FullShape, scaleToFit } from "../workloads/scale.js";
import { longRows, manyRows, oneSample, singleRows, skewedRows } from "../workloads/shapes.js";
import { requestedTrace, TRACE_OPTIONS } from "../workloads/trace.js";
import { makeWorkload, type Workload, type WorkloadShape } from "../workloads/workload.js";
import { type KernelOptions, measureKernels, type Temperature } from "./measure.js";
import { formatKernels } from "./print.js";

/** Least median ratios of the kernel to the C program, by whether huge pages are asked for under lagbag's rows. */
const GOALS: Readonly<Record<"off" | "auto", Readonly<Record<string, number>>>> = {
  off: { w1: 0.68, w2: 0.7, w3: 0.72, w4: 0.55 },
  auto: { w1: 0.75, w2: 0.7, w3: 0.95, w4: 0.55 },
};

/** The kernels on one thread between plain TypeScript and C. */
export const kernelsSuite: Suite = {
  summary: "The kernels on one thread, alone and by way of lookupSync, between plain TypeScript loops and C with AVX2 and prefetch.",
  groups: {
    w1: "1M x 64, 512 bags of 32, uniform",
    w2: "26 tables of 100k x 16, batch 2,048, one lookup",
    w3: "8 tables of 1M x 128, batch 256, 80 lookups",
    w4: "W1 with Zipf 1.05",
    w5: "one sample, 26 tables x 16",
    ...Object.fromEntries(Object.values(PUBLIC_SHAPES).map(({ name, what }) => [name, what])),
    meta: "Meta's embedding-bag traces: rows by reuse bins",
    trace: "the bags of --indices, and nothing else",
  },
  options: {
    rounds: { default: "11", help: "rounds that count, 1 to 1000 (--quick: 3)" },
    "sample-ms": { default: "200", help: "least milliseconds of a case in a round, 10 to 60,000 (--quick: 50)" },
    cache: { default: "both", help: "cold, warm or both: rows from memory, from cache" },
    "max-table-mb": {
      default: "2100",
      help: "most MB of rows; row counts of larger shapes are divided, 1 to 4200; held three times (--quick: 64)",
    },
    "huge-pages": { default: "off", help: "off, or auto: lagbag asks for huge pages under its rows (lagbag-hugepages)" },
    ...TRACE_OPTIONS,
    peers: { default: "c", help: `all, none, or names: ${Object.keys(PEERS).join(", ")}` },
  },
  async run(run): Promise<Group[]> {
    const { quick, seed } = run;
    const maxBytes = (quick ? 64 : run.number("max-table-mb", 1, 4200)) * 1e6;
    const options: Omit<KernelOptions, "goal"> = {
      rounds: quick ? 3 : run.count("rounds", 1, 1000),
      sampleSeconds: quick ? 0.05 : run.number("sample-ms", 10, 60_000) / 1000,
      checkedBatches: quick ? 2 : 8,
      temperatures: temperatures(run),
      hugePages: hugePages(run),
    };
    const trace = await requestedTrace(run, maxBytes);
    const workloads: Record<string, () => Workload> = trace === undefined ? workloadsOf({ quick, seed, maxBytes }) : { trace: () => trace };
    const peers = readPeerNames(run.text("peers"));
    return withScratch(async (folder) => {
      const groups: Group[] = [];
      for (const [name, make] of Object.entries(workloads)) {
        if (trace === undefined && !run.wants(name)) continue;
        const own = join(folder, name);
        mkdirSync(own);
        const measured = await measureKernels(run, make(), {
          options: { ...options, goal: GOALS[options.hugePages][name] },
          peers,
          folder: own,
        });
        for (const group of measured) run.say(formatKernels(group));
        groups.push(...measured);
      }
      if (groups.length === 0) throw new UsageError("trace: got no --indices, expected a file");
      return groups;
    });
  },
};

interface Size {
  quick: boolean;
  seed: number;
  maxBytes: number;
}

function workloadsOf({ quick, seed, maxBytes }: Size): Record<string, () => Workload> {
  const scaled =
    (full: FullShape): (() => WorkloadShape) =>
    () =>
      scaleToFit(full, maxBytes);
  const shapes: Record<string, () => WorkloadShape> = {
    w1: () => manyRows({ quick }),
    w2: () => singleRows({ quick }),
    w3: () => longRows(maxBytes),
    w4: () => skewedRows({ quick }),
    w5: () => ({ ...oneSample({ quick }), name: "w5" }),
    ...Object.fromEntries(Object.values(PUBLIC_SHAPES).map((full) => [full.name, scaled(full)])),
    meta: scaled(metaTrace(seed)),
  };
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, () => makeWorkload(shape(), seed)]));
}

function hugePages(run: SuiteRun): "auto" | "off" {
  const given = run.text("huge-pages");
  if (given === "auto" || given === "off") return given;
  throw new UsageError(`--huge-pages: got ${given}, expected auto or off`);
}

function temperatures(run: SuiteRun): Temperature[] {
  const cache = run.text("cache");
  if (cache === "both") return ["cold", "warm"];
  if (cache === "cold" || cache === "warm") return [cache];
  throw new UsageError(`--cache: got ${cache}, expected cold, warm or both`);
}
