/**
 * How fast a safetensors file goes into an engine, beside what fs.readSync into fresh memory takes: interleaved pairs, each side in a process of
 * its own, the file in the page cache.
 *
 *   npm run build && node tools/measure-load.mjs [--gib 3] [--tables 12] [--dim 64] [--ranks 2] [--rounds 5] [--memory auto]
 *
 * Needs that much room in the folder for temporary files, and memory for the file twice. Prints a line a pair and the medians.
 */
import { execFileSync } from "node:child_process";
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openEngine, openModels } from "lagbag";

const PIECE_BYTES = 2 ** 24;
const PAGE_BYTES = 65536;
const GIB = 2 ** 30;
const SIDE_MS = 120_000;

const { values } = parseArgs({
  options: {
    gib: { type: "string", default: "3" },
    tables: { type: "string", default: "12" },
    dim: { type: "string", default: "64" },
    ranks: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    memory: { type: "string", default: "auto" },
    side: { type: "string" },
    file: { type: "string" },
  },
});

/** A file of `tables` tables of floats, none of them 0: pages of zeros could be shared. */
function writeModel(path) {
  const dim = Number(values.dim);
  const numRows = Math.floor((Number(values.gib) * GIB) / Number(values.tables) / dim / 4);
  const bytes = numRows * dim * 4;
  const names = Array.from({ length: Number(values.tables) }, (_, t) => `table_${t}`);
  const header = Buffer.from(
    JSON.stringify(
      Object.fromEntries(
        names.map((name, t) => [name, { dtype: "F32", shape: [numRows, dim], data_offsets: [t * bytes, (t + 1) * bytes] }]),
      ),
    ),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(path, "wx");
  writeSync(file, length);
  writeSync(file, header);
  const piece = new Float32Array(PIECE_BYTES / 4).map((_, n) => 1 + (n % 1021));
  for (let left = bytes * names.length; left > 0; left -= PIECE_BYTES) writeSync(file, piece, 0, Math.min(left, PIECE_BYTES));
  closeSync(file);
  return bytes * names.length;
}

/** Fresh pages, as the engine's; larger pieces than 16 MiB are slower. */
function readPlain(path) {
  const file = openSync(path, "r");
  const { size } = fstatSync(file);
  const pages = Math.ceil(size / PAGE_BYTES);
  const startedAt = performance.now();
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  for (let at = 0; at < size; ) at += readSync(file, bytes, at, Math.min(PIECE_BYTES, size - at), at);
  return performance.now() - startedAt;
}

async function loadEngine(path) {
  const startedAt = performance.now();
  const [model] = await openModels(path);
  const engine = await openEngine({ tables: model.tables, ranks: Number(values.ranks), memory: values.memory });
  const ms = performance.now() - startedAt;
  await model.close();
  const { dim, numRows } = model.tables[0];
  const last = engine.lookupSync({
    batchSize: 1,
    features: ["table_0"],
    indices: Int32Array.of(numRows - 1),
    offsets: Int32Array.of(0, 1),
  });
  if (last.values.length !== dim || last.values.includes(0)) throw new Error("the last row is not there");
  await engine.close();
  return ms;
}

if (values.side !== undefined) {
  console.log(values.side === "engine" ? await loadEngine(values.file) : readPlain(values.file));
} else {
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize < Number(values.gib) * GIB * 1.1)
    throw new Error(`${tmpdir()}: ${((bavail * bsize) / GIB).toFixed(1)} GiB free, ${values.gib} needed`);
  const folder = mkdtempSync(join(tmpdir(), "lagbag-load-"));
  process.once("SIGINT", () => process.exit(130)).once("SIGTERM", () => process.exit(143));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "m.safetensors");
  const bytes = writeModel(path);
  const self = fileURLToPath(import.meta.url);
  const options = ["ranks", "memory"].flatMap((name) => [`--${name}`, values[name]]);
  const measure = (side) =>
    Number(execFileSync(process.execPath, [self, "--side", side, "--file", path, ...options], { encoding: "utf8", timeout: SIDE_MS }));
  measure("read");
  const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
  const rates = (ms) => `${(bytes / ms / 1e6).toFixed(2)} GB/s`;
  console.log(
    `${values.tables} tables, dim ${values.dim}, ${(bytes / GIB).toFixed(2)} GiB, ${values.ranks} ranks, Node ${process.version}`,
  );
  const pairs = Array.from({ length: Number(values.rounds) }, (_, round) => {
    const first = round % 2 === 0 ? "read" : "engine";
    const ms = { [first]: measure(first) };
    const second = first === "read" ? "engine" : "read";
    ms[second] = measure(second);
    console.log(`readSync ${rates(ms.read)}, openEngine ${rates(ms.engine)}: ${(ms.read / ms.engine).toFixed(2)}`);
    return ms;
  });
  const ratio = median(pairs.map(({ read, engine }) => read / engine));
  console.log(
    `medians: readSync ${rates(median(pairs.map(({ read }) => read)))}, openEngine ${rates(median(pairs.map(({ engine }) => engine)))}, ratio ${ratio.toFixed(2)}`,
  );
}
