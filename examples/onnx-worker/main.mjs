/** Ids in, scores out: lagbag looks up and pools, onnxruntime-node runs the dense model on the same threads. Checks each score. */
import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine } from "lagbag";
import { makeModel } from "./make-model.mjs";

const TABLES = 8;
const DIM = 16;
const ROWS = 10_000;
const BATCH = 64;
const BATCHES = 50;

const value = (table, row, column) => Math.fround(Math.sin(table * 7 + row * 3 + column) / 4);
const weights = Float32Array.from({ length: TABLES * DIM }, (_, n) => Math.cos(n) / 8);
const dir = mkdtempSync(join(tmpdir(), "lagbag-onnx-"));
const model = join(dir, "dense.onnx");
makeModel(model, weights, 0.25);

const engine = await openEngine({
  ranks: 2,
  tables: Array.from({ length: TABLES }, (_, t) => ({
    name: `t${t}`,
    numRows: ROWS,
    dim: DIM,
    rows: (first, count, out) => {
      for (let n = 0; n < count * DIM; n += 1) out[n] = value(t, first + Math.floor(n / DIM), n % DIM);
    },
  })),
  stage: { module: new URL("dense.mjs", import.meta.url), options: { model }, columns: 1 },
});
try {
  // One row a feature and sample; batches overlap, so that a rank whose session is late holds nobody up.
  const offsets = Int32Array.from({ length: TABLES * BATCH + 1 }, (_, n) => n);
  const batches = Array.from({ length: BATCHES }, (_, b) =>
    Int32Array.from({ length: TABLES * BATCH }, (_, n) => (b * 7919 + n * 104729) % ROWS),
  );
  const started = performance.now();
  const results = await Promise.all(batches.map((indices) => engine.lookup({ batchSize: BATCH, indices, offsets })));
  const tookMs = performance.now() - started;
  results.forEach(({ values }, b) => {
    for (let s = 0; s < BATCH; s += 1) {
      let sum = 0.25;
      for (let n = 0; n < TABLES * DIM; n += 1) {
        const table = Math.floor(n / DIM);
        sum += value(table, batches[b][table * BATCH + s], n % DIM) * weights[n];
      }
      const want = 1 / (1 + Math.exp(-sum));
      assert.ok(Math.abs(values[s] - want) < 1e-5, `batch ${b}, sample ${s}: got ${values[s]}, expected ${want}`);
    }
  });
  console.log(`onnx-worker: ok (${BATCHES * BATCH} scores, ${Math.round((BATCHES * BATCH) / (tookMs / 1000))} a second)`);
} finally {
  await engine.close();
  rmSync(dir, { recursive: true });
}
