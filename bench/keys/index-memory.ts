import { LOAD_BYTES, loadKeys } from "#host/keys/load.js";
import { type KernelExports, LAYOUT, STATIC_BYTES } from "#host/memory/abi.js";
import { createMemory, hasMultiMemory, instantiateKernel, loadKernel } from "#host/memory/kernel.js";
import { alignLine } from "#host/memory/map.js";
import { keyIndexBytes } from "#host/plan/key-index.js";
import type { SeededKeys } from "./seeded-keys.js";

/** A key index and the kernel over it, as a rank has them, without an engine around. */
export interface IndexMemory {
  /** Searches all keys of a batch at once. Returns the sum of the rows, a missing key counted as numKeys. */
  resolve(batch: number): number;
  /** The same, a call into wasm for each key: nothing is touched ahead. */
  resolveOneByOne(batch: number): number;
  mode: "one" | "two";
  indexBytes: number;
  /** Keys a second that were entered while loading. */
  keysPerSecond: number;
}

/** Loads keys as openEngine does, and puts the batches into the exchange memory. */
export async function indexMemory({ keys, batches, batchKeys }: SeededKeys): Promise<IndexMemory> {
  const mode = hasMultiMemory() ? "two" : "one";
  const indexBytes = keyIndexBytes(keys.length);
  const base = mode === "one" ? alignLine(STATIC_BYTES + indexBytes) : STATIC_BYTES;
  const [job, batchesPtr] = [base, base + LAYOUT.JOB_BYTES];
  const outPtr = batchesPtr + batches.length * batchKeys * 8;
  const exchangeBytes = Math.max(outPtr + batchKeys * 4 + LAYOUT.RESOLVE_LIST_BYTES, base + LOAD_BYTES);
  const memory = createMemory(mode === "one" ? exchangeBytes : STATIC_BYTES + indexBytes);
  const exchange = mode === "one" ? memory : createMemory(exchangeBytes);
  const kernel: KernelExports = instantiateKernel(loadKernel(mode), memory, exchange);
  const started = performance.now();
  const table = { name: "keys", numRows: keys.length, dim: 1, rows: new Float32Array() };
  await loadKeys({ ...table, keys }, { places: [{ memory, kernel, ptr: STATIC_BYTES }], exchange, scratchPtr: base });
  const keysPerSecond = keys.length / ((performance.now() - started) / 1000);
  const words = new Uint32Array(exchange.buffer);
  words.fill(0, job / 4, (job + LAYOUT.JOB_BYTES) / 4);
  words[(job + LAYOUT.JOB_RESOLVING) / 4] = LAYOUT.RESOLVE_KEYS;
  words[(job + LAYOUT.JOB_TABLE_ROWS) / 4] = keys.length;
  words[(job + LAYOUT.JOB_KEYS_PTR) / 4] = STATIC_BYTES;
  words[(job + LAYOUT.JOB_PADDING) / 4] = 0xffff_ffff;
  for (const [n, batch] of batches.entries()) new BigInt64Array(exchange.buffer, batchesPtr + n * batchKeys * 8, batchKeys).set(batch);
  const rows = new Uint32Array(exchange.buffer, outPtr, batchKeys);
  const sum = (): number => {
    let total = 0;
    for (let n = 0; n < rows.length; n += 1) total += rows[n];
    return total;
  };
  return {
    mode,
    indexBytes,
    keysPerSecond,
    resolve: (batch) => {
      kernel.resolveRows(job, batchesPtr + batch * batchKeys * 8, 8, batchKeys, outPtr);
      return sum();
    },
    resolveOneByOne: (batch) => {
      const first = batchesPtr + batch * batchKeys * 8;
      for (let n = 0; n < batchKeys; n += 1) kernel.resolveRows(job, first + n * 8, 8, 1, outPtr + n * 4);
      return sum();
    },
  };
}
