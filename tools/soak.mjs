/**
 * A soak: engines of all kinds, one after the other, under lookups of all kinds, until the time is up. Every answer is compared with lookupSync's, bit for
 * bit, while tables are replicated and let go again, lookups are aborted and time out, bounds change, stages are late, and engines are closed in the middle.
 *
 *     npm run build && node tools/soak.mjs [--seconds 60] [--seed 1]
 *
 * A difference ends it with exit code 1 and the seed of the engine: `--seed N --seconds 1` runs that one again. It ends by itself: no thread stays behind.
 */
import { parseArgs } from "node:util";
import { openEngine } from "lagbag";
import { seededRandom } from "../dist/lab/random.js";

const { values: given } = parseArgs({ options: { seconds: { type: "string", default: "60" }, seed: { type: "string", default: "1" } } });
const [seconds, firstSeed] = [Number(given.seconds), Number(given.seed)];
if (!(seconds > 0) || !Number.isInteger(firstSeed) || firstSeed < 0) {
  console.error(`soak: got --seconds ${given.seconds} --seed ${given.seed}, expected a number above 0 and an integer from 0`);
  process.exit(2);
}

/** A stage that adds one to every feature, after a while or at once. */
const STAGE = `data:text/javascript,${encodeURIComponent(`export const createStage = ({ rank }) => ({ run: (features, { step }) => {
  const done = features.map((value) => value + 1);
  return (step + rank) % 5 === 0 ? new Promise((resolve) => setTimeout(resolve, 1, done)) : done;
} });`)}`;
const TURNS = 5;
/** What a lookup that is not let finish may be rejected with. */
const EXPECTED_CODES = new Set(["EMBEDDING_ABORTED", "EMBEDDING_TIMEOUT", "EMBEDDING_CLOSED"]);

function dice(seed) {
  const random = seededRandom(seed);
  const upTo = (most) => Math.floor(random() * (most + 1));
  return { random, upTo, pick: (things) => things[upTo(things.length - 1)], chance: (share) => random() < share };
}

function makeTables({ random, upTo, pick, chance }) {
  return Array.from({ length: 1 + upTo(5) }, (_, t) => {
    const [numRows, dim] = [1 + upTo(300), 1 + upTo(40)];
    return {
      name: `t${t}`,
      numRows,
      dim,
      rows: Float32Array.from({ length: numRows * dim }, () => random() - 0.5),
      dtype: pick(["fp32", "fp32", "fp16", "int8", "int4"]),
      sharding: pick(["auto", "table", "row", "column", { by: "row", shards: Math.min(numRows, 1 + upTo(6)) }]),
      replicated: chance(0.3),
      ...(chance(0.25) ? { keys: BigInt64Array.from({ length: numRows }, (_, row) => BigInt(row) * 7n - 3n) } : {}),
    };
  });
}

function makeFeatures({ upTo, pick, chance }, tables, withStage) {
  const poolings = withStage ? ["sum", "mean", "max"] : ["sum", "mean", "max", "none"];
  return Array.from({ length: 1 + upTo(7) }, (_, f) => {
    const table = pick(tables);
    const padding = chance(0.3) && table.keys === undefined ? { paddingIndex: upTo(table.numRows - 1) } : {};
    return { name: `f${f}`, table: table.name, pooling: pick(poolings), ...padding };
  });
}

function makeBatch({ upTo, pick }, tables, features) {
  const batchSize = pick([0, 1, 2, 3, 10, 57, 200]);
  const [offsets, indices] = [[0], []];
  for (const { table } of features) {
    const { numRows, keys } = tables.find(({ name }) => name === table);
    for (let sample = 0; sample < batchSize; sample += 1) {
      const rows = upTo(pick([0, 1, 3, 20]));
      // Of keyed tables some keys are not there: they give the default row.
      for (let n = 0; n < rows; n += 1) indices.push(keys === undefined ? BigInt(upTo(numRows - 1)) : BigInt(upTo(numRows * 8)) - 3n);
      offsets.push(indices.length);
    }
  }
  return { batchSize, indices: BigInt64Array.from(indices), offsets: Int32Array.from(offsets) };
}

function bytesOf(result, features) {
  const hex = ({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength).toString("hex");
  const jagged = features.filter(({ pooling }) => pooling === "none").map(({ name }) => hex(result.jagged(name).values));
  return [hex(result.values), ...jagged].join("|");
}

/** Looks up until all turns are over, or the engine is closed under its feet. Returns how many answers were compared. */
async function soakEngine(seed) {
  const die = dice(seed);
  const { upTo, pick, chance } = die;
  const withStage = chance(0.3);
  const tables = makeTables(die);
  const features = makeFeatures(die, tables, withStage);
  const options = {
    tables,
    features,
    ranks: 1 + upTo(4),
    lagBound: pick([0, 1, 2, 4, 16, "auto"]),
    inline: withStage ? "never" : pick(["never", "never", "auto"]),
    workStealing: chance(0.7),
    stealUnitBytes: pick([1, 256, 4096]),
    exchangeMemoryBytes: pick([16, 64]) * 2 ** 20,
    maxCoalescedLookups: pick([1, 3, 256]),
  };
  const batches = Array.from({ length: 6 }, () => makeBatch(die, tables, features));
  // lookupSync runs no stage, so what it says comes from an engine of the same tables and plan without one.
  const plain = await openEngine({ ...options, inline: "never" });
  const wanted = batches.map((batch) => {
    const result = plain.lookupSync(batch);
    if (!withStage) return bytesOf(result, features);
    return bytesOf({ values: Float32Array.from(result.values, (value) => value + 1) }, features);
  });
  await plain.close();
  const engine = await openEngine({ ...options, ...(withStage ? { stage: { module: STAGE } } : {}) });
  const closesAt = chance(0.2) ? upTo(TURNS - 1) : TURNS;
  let compared = 0;
  for (let turn = 0; turn < TURNS && turn <= closesAt; turn += 1) {
    const lookups = batches.map((batch, n) => {
      if (chance(0.5)) engine.replicate(tables.filter(() => chance(0.5)).map(({ name }) => name));
      const limit = pick([{}, {}, {}, {}, { timeoutMs: 1 }, { signal: AbortSignal.timeout(upTo(3)) }]);
      return engine.lookup({ ...batch, ...limit, lagClass: pick(["latency", "bulk"]) }).then(
        (result) => {
          if (bytesOf(result, features) !== wanted[n]) throw new Error(`turn ${turn}, lookup ${n}: got other bits than lookupSync`);
          compared += 1;
          if (chance(0.9)) result.release();
        },
        (error) => {
          if (!EXPECTED_CODES.has(error.code)) throw error;
        },
      );
    });
    if (turn === closesAt) await engine.close();
    await Promise.all(lookups);
  }
  await engine.close();
  return compared;
}

const endMs = Date.now() + seconds * 1000;
let [engines, answers] = [0, 0];
for (let seed = firstSeed; Date.now() < endMs; seed += 1) {
  try {
    answers += await soakEngine(seed);
  } catch (error) {
    console.error(`soak: seed ${seed}:`, error);
    process.exit(1);
  }
  engines += 1;
}
console.log(`soak: ok, ${engines} engines, ${answers} answers compared, seeds from ${firstSeed}, Node ${process.version}`);
