/**
 * What the torch-shaped API costs over lookupSync, for one sample: the same rows, in interleaved rounds, medians.
 *   npm run build && node tools/measure-torch.mjs
 */
import { EmbeddingBag, EmbeddingBagCollection, KeyedJaggedTensor, openEngine } from "lagbag";

const ROUNDS = 13;
const WARM_ROUNDS = 2;
const CALLS = 50_000;
const DIM = 16;
const LOOKUPS = 26;
const DIFFERENT = 512;

const rows = (first, count, out) => {
  for (let n = 0; n < count * DIM; n += 1) out[n] = (first * DIM + n) % 97;
};
const samples = (numRows) =>
  Array.from({ length: DIFFERENT }, (_, s) => Int32Array.from({ length: LOOKUPS }, (_, n) => (s * 7919 + n * 104_729) % numRows));

/** Nanoseconds a call of each road, and its ratio to the first. */
function measure(title, roads) {
  const times = new Map(Object.keys(roads).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, call] of Object.entries(roads)) {
      const started = performance.now();
      for (let n = 0; n < CALLS; n += 1) call(n % DIFFERENT);
      if (round >= WARM_ROUNDS) times.get(name).push(((performance.now() - started) * 1e6) / CALLS);
    }
  }
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const [first] = times.values();
  console.log(title);
  for (const [name, values] of times) {
    console.log(`  ${name.padEnd(32)}${median(values).toFixed(0).padStart(7)} ns  ${(median(values) / median(first)).toFixed(2)}`);
  }
}

const bagRows = 1_000_000;
const bagSamples = samples(bagRows);
const one = { name: "t", numRows: bagRows, dim: DIM, rows };
const bagEngine = await openEngine({ ranks: 0, tables: [one] });
const bag = new EmbeddingBag(bagRows, DIM, { weight: rows, mode: "sum" });
const bagLast = new EmbeddingBag(bagRows, DIM, { weight: rows, mode: "sum", includeLastOffset: true });
const starts = Int32Array.of(0);
const bounds = Int32Array.of(0, LOOKUPS);
measure(`One bag of ${LOOKUPS} rows, ${bagRows} x ${DIM}, Node ${process.versions.node}`, {
  lookupSync: (s) => bagEngine.lookupSync({ batchSize: 1, indices: bagSamples[s], offsets: bounds }),
  "EmbeddingBag.forward": (s) => bag.forward(bagSamples[s], starts),
  "EmbeddingBag.forward, last offset": (s) => bagLast.forward(bagSamples[s], bounds),
});

const tableRows = 100_000;
const tableSamples = samples(tableRows);
const names = Array.from({ length: LOOKUPS }, (_, t) => `t${t}`);
const engine = await openEngine({ ranks: 0, tables: names.map((name) => ({ name, numRows: tableRows, dim: DIM, rows })) });
const collection = new EmbeddingBagCollection({
  tables: names.map((name) => ({ name, numEmbeddings: tableRows, embeddingDim: DIM, weight: rows })),
});
const offsets = Int32Array.from({ length: LOOKUPS + 1 }, (_, n) => n);
const lengths = new Int32Array(LOOKUPS).fill(1);
const reversed = names.toReversed();
const batch = (keys, s) => KeyedJaggedTensor.fromLengthsSync({ keys, values: tableSamples[s], lengths });
measure(`One sample, ${LOOKUPS} tables ${tableRows} x ${DIM}, one row each`, {
  lookupSync: (s) => engine.lookupSync({ batchSize: 1, indices: tableSamples[s], offsets }),
  "new batch, collection.forward": (s) => collection.forward(batch(names, s)),
  "keys in another order": (s) => collection.forward(batch(reversed, s)),
});
