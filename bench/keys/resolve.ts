import { keep } from "../measure/keep.js";
import { measureRounds, roundName } from "../measure/rounds.js";
import type { TimedCase } from "../measure/sample.js";
import { caseReport, compare, type Group } from "../report.js";
import type { SuiteRun } from "../suite.js";
import { formatCount } from "../text-table.js";
import { type IndexMemory, indexMemory } from "./index-memory.js";
import { type KeysShape, type SeededKeys, seededKeys } from "./seeded-keys.js";

/** What a run costs. */
export interface ResolveOptions {
  name: string;
  rounds: number;
  sampleSeconds: number;
  shape: KeysShape;
}

/** A way to find the rows of a batch: returns their sum, a missing key counted as the number of keys. */
interface Contender {
  name: string;
  sumOfRows: (batch: number) => number;
}

/** Times the search of keys alone, without any rows: our index, in blocks and key by key, beside JavaScript's Maps. */
export async function measureResolve(run: SuiteRun, { name, rounds, sampleSeconds, shape }: ResolveOptions): Promise<Group> {
  const { progress } = run;
  const { numKeys, batchKeys, missing } = shape;
  progress.show(`${name}: making ${formatCount(numKeys)} keys`);
  const data = seededKeys(shape);
  progress.show(`${name}: loading the index`);
  const index = await indexMemory(data);
  progress.show(`${name}: filling Maps`);
  const contenders = contendersOf(data, index);
  progress.show(`${name}: checking`);
  for (const batch of data.batches.keys()) {
    const want = contenders[0].sumOfRows(batch);
    for (const contender of contenders) {
      const got = contender.sumOfRows(batch);
      if (got !== want) throw new Error(`${contender.name}, batch ${batch}: got rows that add up to ${got}, expected ${want}`);
    }
  }
  let next = 0;
  const cases = contenders.map((contender): TimedCase => {
    const once = (): void => {
      next = (next + 1) % data.batches.length;
      keep(contender.sumOfRows(next));
    };
    return { kind: "sync", name: contender.name, unitsPerRun: batchKeys, run: once };
  });
  const rates = await measureRounds(cases, {
    rounds,
    sampleSeconds,
    onStart: (one, round) => progress.show(`${name}: ${roundName(round, rounds)}: ${one}`),
  });
  progress.clear();
  const reports = cases.map((one, n) => caseReport(one.name, "keys/s", rates[n]));
  const [, ...others] = reports;
  return {
    name,
    description: `${formatCount(numKeys)} random keys, batches of ${formatCount(batchKeys)} uniform ones, ${Math.round(missing * 100)} % of them missing`,
    facts: {
      numKeys,
      batchKeys,
      batches: data.batches.length,
      missingShare: missing,
      memoryMode: index.mode,
      indexBytes: index.indexBytes,
      loadedKeysPerSecond: index.keysPerSecond,
    },
    cases: reports,
    comparisons: others.map((other) => compare(reports[0], other)),
  };
}

/** The first is ours. */
function contendersOf({ keys, batches }: SeededKeys, index: IndexMemory): Contender[] {
  const byKey = new Map<bigint, number>();
  const byNumber = new Map<number, number>();
  for (let row = 0; row < keys.length; row += 1) {
    byKey.set(keys[row], row);
    byNumber.set(Number(keys[row]), row);
  }
  const numbers = batches.map((batch) => Float64Array.from(batch, Number));
  return [
    { name: "index, blocks of 64", sumOfRows: index.resolve },
    { name: "index, a call a key", sumOfRows: index.resolveOneByOne },
    { name: "Map of bigints", sumOfRows: (batch) => sumOf(batches[batch], byKey, keys.length) },
    { name: "Map of numbers", sumOfRows: (batch) => sumOf(numbers[batch], byNumber, keys.length) },
  ];
}

function sumOf<K>(batch: Iterable<K> & { length: number; [n: number]: K }, rows: ReadonlyMap<K, number>, missing: number): number {
  let total = 0;
  for (let n = 0; n < batch.length; n += 1) total += rows.get(batch[n]) ?? missing;
  return total;
}
