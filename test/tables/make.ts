/** Small files of every format, byte by byte, for tests. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of a test's own. */
export interface Scratch extends Disposable {
  path: string;
  /** Writes a file there, gives its path. */
  write(name: string, bytes: Uint8Array | string): string;
}

export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), "lagbag-tables-"));
  return {
    path,
    write: (name, bytes) => {
      const file = join(path, name);
      writeFileSync(file, bytes);
      return file;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** The bytes of an array. */
export function bytesOf(array: Float32Array | Float64Array | Uint16Array | BigInt64Array | Uint8Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** rows * dim floats that halves and bfloat16 hold exactly. */
export function exactFloats(count: number, start = 0): Float32Array {
  return Float32Array.from({ length: count }, (_, n) => (((n + start) * 37) % 251) - 125);
}

export interface TensorBytes {
  dtype: string;
  shape: readonly number[];
  bytes: Uint8Array;
}

export interface SafetensorsParts {
  metadata?: Record<string, string>;
  /** Spaces behind the header: moves the data off its alignment. */
  spaces?: number;
}

export function safetensors(tensors: Readonly<Record<string, TensorBytes>>, { metadata, spaces = 0 }: SafetensorsParts = {}): Uint8Array {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let at = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  return safetensorsRaw(JSON.stringify(header) + " ".repeat(spaces), Buffer.concat(Object.values(tensors).map(({ bytes }) => bytes)));
}

/** Any text as header; `length` as the header's length if it is to lie. */
export function safetensorsRaw(header: string, data: Uint8Array, length?: bigint): Uint8Array {
  const text = Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([prefix, text, data]);
}
