import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { EmbeddingError } from "../errors.js";
import { checkAbi, type KernelExports } from "./abi.js";
import type { WasmMemory, WasmModule } from "./wasm.js";

/** "two": tables and exchange in memories of their own (WebAssembly multi-memory). "one": all in one memory of at most 4 GiB. */
export type MemoryMode = "one" | "two";

/** The part of as-bind's host side that is used here; its own types describe the compiler transform. */
interface AsBind {
  instantiateSync(source: Uint8Array, imports: WebAssembly.Imports): { exports: Record<string, () => string> };
}

const PAGE_BYTES = 65536;
const MAX_PAGES = 65536;

/** The smallest valid module with two memories: whether it validates tells whether the runtime has multi-memory. */
const TWO_MEMORIES = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 5, 5, 2, 0, 0, 0, 0);

/** Whether this runtime can load the two-memory build. */
export function hasMultiMemory(): boolean {
  return WebAssembly.validate(TWO_MEMORIES);
}

/** A shared memory of `bytes`, rounded up to pages. Pages that nobody touches cost address space only. */
export function createMemory(bytes: number): WasmMemory {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    throw new EmbeddingError("EMBEDDING_MEMORY_LIMIT", `the system refused ${pages * PAGE_BYTES} bytes of address space`, {
      got: pages * PAGE_BYTES,
      cause,
    });
  }
}

function abort(_message: number, _file: number, line: number, column: number): never {
  throw new EmbeddingError("EMBEDDING_ABI", `the kernel module aborted at ${line}:${column}`);
}

/**
 * Compiles the kernel module for a memory mode and checks, through as-bind, that it speaks this host's ABI. The check runs on a
 * scratch memory: strings allocate, and in a memory that several instances share nothing may.
 * @throws EmbeddingError EMBEDDING_ABI when the file is missing or does not match
 */
export function loadKernel(mode: MemoryMode): WasmModule {
  const path = fileURLToPath(new URL(`../kernel-${mode}.wasm`, import.meta.url));
  let source: Buffer;
  try {
    source = readFileSync(path);
  } catch (cause) {
    throw new EmbeddingError("EMBEDDING_ABI", `cannot read the kernel module ${path}; run npm run build`, { cause });
  }
  const asBind = createRequire(import.meta.url)("../vendor/as-bind.cjs") as AsBind;
  let description: string;
  try {
    const scratch = () => new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared: true });
    const bound = asBind.instantiateSync(source, { env: { memory: scratch(), exchange: scratch(), abort } });
    description = bound.exports.describeAbi();
  } catch (cause) {
    throw new EmbeddingError("EMBEDDING_ABI", `${path} is no kernel module of lagbag: ${String(cause)}`, { cause });
  }
  checkAbi(description, path);
  return new WebAssembly.Module(source);
}

/** The kernel over a rank's tables and the exchange memory. With one memory both are the same. Any thread may have its own. */
export function instantiateKernel(module: WasmModule, tables: WasmMemory, exchange: WasmMemory): KernelExports {
  const instance = new WebAssembly.Instance(module as WebAssembly.Module, { env: { memory: tables, exchange, abort } });
  return instance.exports as unknown as KernelExports;
}
