import type { Group } from "../report.js";
import type { Suite, SuiteRun } from "../suite.js";
import { measureLookups } from "./lookup.js";
import { formatKeys } from "./print.js";
import { measureResolve } from "./resolve.js";

const MILLION = 1_000_000;
/** Batches of 128 KiB of keys; together they search more buckets than the last-level cache holds. */
const BATCH_KEYS = 16_384;
const BATCHES = 64;

/** Keys to rows: the index alone, beside JavaScript's Maps, and the whole road. */
export const keysSuite: Suite = {
  summary:
    "64-bit keys to rows: the index alone beside JavaScript's Maps, and lookups by keys, hash and modulo beside row numbers. One thread.",
  groups: {
    "1m": "1,000,000 random keys",
    "10m": "10,000,000 random keys (3 GB of Maps)",
    missing: "1,000,000 random keys, every second search finds nothing",
    lookup: "W1, 1M x 64 and 512 bags of 32, by keys, hash, modulo and row numbers",
  },
  options: {
    rounds: { default: "7", help: "rounds that count, 1 to 1000 (--quick: 3)" },
    "sample-ms": { default: "200", help: "least milliseconds of a case in a round, 10 to 60,000 (--quick: 50)" },
  },
  async run(run): Promise<Group[]> {
    const { quick, seed } = run;
    const timing = {
      rounds: quick ? 3 : run.count("rounds", 1, 1000),
      sampleSeconds: quick ? 0.05 : run.number("sample-ms", 10, 60_000) / 1000,
    };
    const shape = { batchKeys: BATCH_KEYS, batchCount: quick ? 8 : BATCHES, seed };
    const scale = quick ? 20 : 1;
    const resolves = [
      { name: "1m", numKeys: MILLION / scale, missing: 0 },
      { name: "10m", numKeys: (10 * MILLION) / scale, missing: 0 },
      { name: "missing", numKeys: MILLION / scale, missing: 0.5 },
    ];
    const groups: Group[] = [];
    for (const { name, numKeys, missing } of resolves) {
      if (run.wants(name)) groups.push(tell(run, await measureResolve(run, { name, ...timing, shape: { ...shape, numKeys, missing } })));
    }
    if (run.wants("lookup")) groups.push(tell(run, await measureLookups(run, timing)));
    return groups;
  },
};

function tell(run: SuiteRun, group: Group): Group {
  run.say(formatKeys(group));
  return group;
}
