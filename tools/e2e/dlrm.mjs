/**
 * A DLRM end to end: tables and dense model as tools/dlrm/export.py wrote them (test/golden/dlrm, or the folder given), on lagbag's ranks with
 * onnxruntime-node, against PyTorch's own predictions: within 1e-6, and the same bits for every lag bound and number of ranks.
 *
 *     node tools/e2e/dlrm.mjs [FOLDER]        needs a built package; tools/onnxruntime.sh installs onnxruntime-node outside the project
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openEngine, openModels } from "lagbag";

const TOLERANCE = 1e-6;
const SETTINGS = [
  { ranks: 1, lagBound: 0 },
  { ranks: 2, lagBound: 0 },
  { ranks: 2, lagBound: 4 },
  { ranks: 3, lagBound: 16 },
  { ranks: 4, lagBound: "auto" },
];

const folder = process.argv[2] ?? "test/golden/dlrm";
const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const { hots, dense, dim } = read("dlrm.json");
const golden = read("golden.json");
const runtime = execFileSync("bash", ["tools/onnxruntime.sh"], { encoding: "utf8" }).trim();
const [model] = await openModels(join(folder, "tables.safetensors"));
const samples = golden.predictions.length;
const offsets = [0];
for (const hot of hots) for (let s = 0; s < samples; s += 1) offsets.push(offsets[offsets.length - 1] + hot);
const batch = {
  batchSize: samples,
  indices: Int32Array.from(golden.indices),
  offsets: Int32Array.from(offsets),
  stageInput: Float32Array.from(golden.dense),
};
// Whole tables or columns give the same bits for every number of ranks; cuts by rows do not promise that.
const tables = model.tables.map((table) => ({ ...table, sharding: "table" }));
let first;
for (const setting of SETTINGS) {
  const stage = { module: "lagbag/onnx-stage", columns: 1, inputColumns: dense, options: { model: join(folder, "dense.onnx"), runtime } };
  const engine = await openEngine({ ...setting, tables, stage });
  try {
    const { values } = await engine.lookup(batch);
    const worst = values.reduce((most, value, n) => Math.max(most, Math.abs(value - golden.predictions[n])), 0);
    if (!(worst <= TOLERANCE))
      throw new Error(`${JSON.stringify(setting)}: got a prediction ${worst} off PyTorch's, expected at most ${TOLERANCE}`);
    const bytes = Buffer.from(Float32Array.from(values).buffer);
    first ??= bytes;
    if (!bytes.equals(first)) throw new Error(`${JSON.stringify(setting)}: got other bits than ${JSON.stringify(SETTINGS[0])}`);
    console.log(
      `${setting.ranks} ranks, lag bound ${setting.lagBound}: max difference to PyTorch ${worst.toExponential(2)}, bits as before`,
    );
  } finally {
    await engine.close();
  }
}
await model.close();
console.log(`dlrm: ok (${samples} samples, ${hots.length} tables x ${dim}, ${SETTINGS.length} settings)`);
