/** Serves two tables with `lagbag serve` and asks for the same batch over REST and gRPC. Exits with 1 if an answer is wrong. */
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { GrpcClient, inferRest } from "./client.mjs";
import { writeSafetensors } from "./tables.mjs";

const SAMPLES = 3;
const tables = Object.fromEntries(
  [
    ["user", 1000, 4],
    ["item", 500, 8],
  ].map(([name, numRows, dim]) => [name, { numRows, dim, rows: Float32Array.from({ length: numRows * dim }, (_, n) => (n % 64) / 8) }]),
);
// user: [7, 42] [] [999]; item: [3] [4, 4] [0, 1, 499].
const batch = { indices: BigInt64Array.of(7n, 42n, 999n, 3n, 4n, 4n, 0n, 1n, 499n), lengths: Int32Array.of(2, 0, 1, 1, 2, 3) };

/** The sums by plain loops. */
function pooled() {
  const columns = Object.values(tables).reduce((sum, { dim }) => sum + dim, 0);
  const out = new Float32Array(SAMPLES * columns);
  let position = 0;
  let first = 0;
  Object.values(tables).forEach(({ dim, rows }, feature) => {
    for (let s = 0; s < SAMPLES; s += 1) {
      for (let n = 0; n < batch.lengths[feature * SAMPLES + s]; n += 1) {
        const row = Number(batch.indices[position]);
        position += 1;
        for (let c = 0; c < dim; c += 1) out[s * columns + first + c] += rows[row * dim + c];
      }
    }
    first += dim;
  });
  return { shape: [SAMPLES, columns], values: out };
}

/** Where the package's command lies: what npx would run. */
function lagbagCommand() {
  const path = createRequire(import.meta.url).resolve("lagbag/package.json");
  return join(dirname(path), createRequire(import.meta.url)(path).bin.lagbag);
}

const dir = mkdtempSync(join(tmpdir(), "lagbag-client-"));
const file = join(dir, "demo.safetensors");
writeSafetensors(file, tables);
const ports = ["--port", "0", "--grpc-port", "0", "--metrics-port", "0", "--log-level", "warn"];
const server = spawn(process.execPath, [lagbagCommand(), "serve", "--tables", file, ...ports], { stdio: ["ignore", "pipe", "inherit"] });
try {
  const said = {};
  for await (const line of createInterface({ input: server.stdout })) {
    const [word, address] = line.split(" ");
    said[word] = address;
    if (word === "ready") break;
  }
  assert.ok("ready" in said, "the server ended before it was ready");
  const want = pooled();
  assert.deepEqual(await inferRest(said.REST, "demo", batch), want);
  const grpc = new GrpcClient(said.gRPC);
  assert.equal(await grpc.ready("demo"), true);
  assert.deepEqual(await grpc.infer("demo", batch), want);
  const wrong = { ...batch, indices: batch.indices.with(0, 1000n) };
  await assert.rejects(inferRest(said.REST, "demo", wrong), /^Error: 400: .*1000/);
  await assert.rejects(grpc.infer("demo", wrong), /INVALID_ARGUMENT: .*1000/);
  grpc.close();
} finally {
  server.kill("SIGTERM");
  if (server.exitCode === null) await once(server, "exit");
  rmSync(dir, { recursive: true });
}
assert.equal(server.exitCode, 0);
console.log("triton-client: ok (REST with binary tensors, gRPC)");
