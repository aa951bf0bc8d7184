import { dequantiseRows } from "../rows/rows.js";

/** Element types that rows are read from, and how their bytes become floats. All little-endian, as is every machine that runs wasm. */
export type ElementType = "f32" | "f16" | "bf16" | "f64";

export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = { f32: 4, f16: 2, bf16: 2, f64: 8 };

/** Bytes -> floats; `bytes` starts on a multiple of 8 of its buffer and holds out.length whole elements. */
export type Decode = (bytes: Uint8Array, out: Float32Array) => void;

/** How `type` is decoded. f32 is a copy of the bits; f64 rounds to the nearest float. */
export function decoderOf(type: ElementType): Decode {
  return DECODERS[type];
}

const DECODERS: Readonly<Record<ElementType, Decode>> = {
  f32: (bytes, out) => new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes),
  f16: (bytes, out) => dequantiseRows("fp16", bytes, 1, out),
  bf16: (bytes, out) => {
    const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, out.length);
    const bits = bitsOf(out);
    for (let n = 0; n < bits.length; n += 1) bits[n] = halves[n] << 16;
  },
  f64: (bytes, out) => out.set(new Float64Array(bytes.buffer, bytes.byteOffset, out.length)),
};

function bitsOf(floats: Float32Array): Uint32Array {
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}
