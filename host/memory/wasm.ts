/**
 * WebAssembly's objects as our declarations name them. The global namespace of that name may not appear in a published .d.ts: whoever
 * compiles against Node's types alone has none, and with lib.dom it is another one.
 */

/** A shared WebAssembly.Memory. */
export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
}

/** A compiled WebAssembly.Module: nothing to look at from outside. */
export type WasmModule = object;
