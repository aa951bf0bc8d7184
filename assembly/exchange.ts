/**
 * The only loads and stores on the exchange memory.
 *
 * AssemblyScript knows one memory. The link step (assembly/link.mjs) gives every load and store inside the functions of
 * THIS file the memory `$exchange` and leaves all others on memory 0, where the table rows are. So:
 * - no function here may touch table rows, and no other file may touch the exchange memory;
 * - no function here may be `@inline`: it would lose its name, and with it its memory. Binaryen inlines them afterwards.
 */

export function readU32(ptr: usize): u32 {
  return load<u32>(ptr);
}

export function readI32(ptr: usize): i32 {
  return load<i32>(ptr);
}

export function readI64(ptr: usize): i64 {
  return load<i64>(ptr);
}

export function readF32(ptr: usize): f32 {
  return load<f32>(ptr);
}

export function readV128(ptr: usize): v128 {
  return v128.load(ptr);
}

export function writeU32(ptr: usize, value: u32): void {
  store<u32>(ptr, value);
}

export function writeF32(ptr: usize, value: f32): void {
  store<f32>(ptr, value);
}

export function writeV128(ptr: usize, value: v128): void {
  v128.store(ptr, value);
}
