/**
 * A table set of 3 GiB loads, serves, and drains under load with zero failed requests.
 *
 * usage: node tools/e2e/large.mjs [GiB, default 3]       needs a built package, that much disk under the temporary folder, and twice that memory
 */
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const GIB = 2 ** 30;
const TABLES = 8;
const DIM = 64;
const BATCH = 64;
const CONNECTIONS = 8;
const LOAD_MS = 5000;
const size = Number(process.argv[2] ?? 3) * GIB;
const numRows = Math.floor(size / TABLES / DIM / 4);
const folder = mkdtempSync(join(tmpdir(), "lagbag-large-"));
const file = join(folder, "large.safetensors");
let server;

/** Row r of table t is r + t / 8 in all columns: each answer can be checked. */
function writeTables() {
  const tableBytes = numRows * DIM * 4;
  const tensors = Array.from({ length: TABLES }, (_, t) => [
    `t${t}`,
    { dtype: "F32", shape: [numRows, DIM], data_offsets: [t * tableBytes, (t + 1) * tableBytes] },
  ]);
  const head = Buffer.from(JSON.stringify(Object.fromEntries(tensors)).padEnd(4088));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  const out = openSync(file, "w");
  writeSync(out, Buffer.concat([length, head]));
  const rowsPerChunk = 2 ** 14;
  const chunk = new Float32Array(rowsPerChunk * DIM);
  for (let t = 0; t < TABLES; t += 1) {
    for (let first = 0; first < numRows; first += rowsPerChunk) {
      const rows = Math.min(rowsPerChunk, numRows - first);
      for (let r = 0; r < rows; r += 1) chunk.fill(first + r + t / 8, r * DIM, (r + 1) * DIM);
      writeSync(out, Buffer.from(chunk.buffer, 0, rows * DIM * 4));
    }
  }
  closeSync(out);
}

/** Seconds that readSync takes for the file, into memory that is new. */
function readPlainly() {
  const start = performance.now();
  const input = openSync(file, "r");
  const memory = Buffer.from(new SharedArrayBuffer(size + 2 ** 20));
  for (let at = 0, got = 1; got > 0; at += got) got = readSync(input, memory, at, Math.min(2 ** 24, memory.length - at), at);
  closeSync(input);
  return (performance.now() - start) / 1000;
}

function body() {
  const indices = BigInt64Array.from({ length: TABLES * BATCH }, () => BigInt(Math.floor(Math.random() * numRows)));
  const lengths = new Int32Array(TABLES * BATCH).fill(1);
  const input = (name, datatype, values) => ({
    name,
    datatype,
    shape: [values.length],
    parameters: { binary_data_size: values.byteLength },
  });
  const head = Buffer.from(
    JSON.stringify({
      inputs: [input("INDICES", "INT64", indices), input("LENGTHS", "INT32", lengths)],
      parameters: { binary_data_output: true },
    }),
  );
  return { indices, head: head.length, bytes: Buffer.concat([head, Buffer.from(indices.buffer), Buffer.from(lengths.buffer)]) };
}

/** One request: "answered", "no connection" when it could not be sent; rejects on everything else. */
function post(url, agent) {
  const { indices, head, bytes } = body();
  return new Promise((resolve, reject) => {
    const headers = { "content-length": bytes.length, "inference-header-content-length": head };
    const sent = request(`${url}/v2/models/large/infer`, { method: "POST", agent, headers }, (reply) => {
      const chunks = [];
      reply.on("data", (part) => chunks.push(part));
      reply.on("error", reject);
      reply.on("end", () => {
        const all = Buffer.concat(chunks);
        if (reply.statusCode !== 200) return reject(new Error(`${reply.statusCode} ${all.toString().slice(0, 200)}`));
        const values = all.subarray(Number(reply.headers["inference-header-content-length"]));
        for (let t = 0; t < TABLES; t += 1) {
          const sample = t % BATCH;
          const got = values.readFloatLE((sample * TABLES * DIM + t * DIM) * 4);
          const wanted = Math.fround(Number(indices[t * BATCH + sample]) + t / 8);
          if (got !== wanted) return reject(new Error(`table ${t}: got ${got}, expected ${wanted}`));
        }
        resolve("answered");
      });
    });
    sent.on("error", (error) => (error.code === "ECONNREFUSED" ? resolve("no connection") : reject(error)));
    sent.end(bytes);
  });
}

async function main() {
  console.log(`writing ${(size / GIB).toFixed(1)} GiB: ${TABLES} tables of ${numRows.toLocaleString("en-US")} x ${DIM} fp32`);
  writeTables();
  const plain = readPlainly();
  const start = performance.now();
  const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  server = spawn(
    process.execPath,
    [cli, "serve", "--tables", file, "--port", "0", "--grpc-port", "0", "--metrics-port", "0", "--log-level", "warn"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise((resolve) => server.once("close", resolve));
  let out = "";
  await new Promise((resolve, reject) => {
    ended.then((code) => reject(new Error(`the server ended with ${code}`)));
    server.stdout.on("data", (text) => {
      out += text;
      if (out.includes("ready\n")) resolve();
    });
  });
  const loaded = (performance.now() - start) / 1000;
  console.log(
    `ready after ${loaded.toFixed(1)} s, start of the process included; readSync into new memory ${plain.toFixed(1)} s: ${(plain / loaded).toFixed(2)} of its speed`,
  );
  const url = /^REST (\S+)$/m.exec(out)[1];
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const counts = { answered: 0, failed: 0, afterSignal: 0 };
  let signalled = false;
  const loop = async () => {
    for (;;) {
      try {
        if ((await post(url, agent)) === "no connection") return;
        counts.answered += 1;
        if (signalled) counts.afterSignal += 1;
      } catch (error) {
        counts.failed += 1;
        console.error(String(error));
      }
    }
  };
  const loops = Array.from({ length: CONNECTIONS }, loop);
  await new Promise((resolve) => setTimeout(resolve, LOAD_MS));
  const before = counts.answered;
  signalled = true;
  const signalMs = performance.now();
  server.kill("SIGTERM");
  await Promise.all(loops);
  const code = await ended;
  console.log(`${Math.round((before * 1000) / LOAD_MS)} requests/s of ${BATCH} samples on ${CONNECTIONS} connections, all checked`);
  console.log(
    `SIGTERM: ${counts.afterSignal} more answered, ended with ${code} after ${Math.round(performance.now() - signalMs)} ms; ${counts.answered} answered, ${counts.failed} failed`,
  );
  if (counts.failed > 0 || code !== 0 || counts.answered === 0) process.exitCode = 1;
}

try {
  await main();
} finally {
  server?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
