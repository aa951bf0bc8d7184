import { type ReferenceTable, referenceLookup } from "#host/reference.js";
import type { Batch, Workload } from "./workload.js";

/** Looks up the first `count` batches by lagbag's reference, the plain and slow oracle of its tests. */
export function expectedValues(workload: Workload, rows: readonly Float32Array[], count: number): Map<Batch, Float32Array> {
  const { seededTables, batches } = workload;
  const tables = new Map(
    seededTables.map(({ name, numRows, dim }, index): [string, ReferenceTable] => [name, { numRows, dim, rows: rows[index] }]),
  );
  const features = seededTables.map(({ name }) => ({ name, table: name, pooling: "sum" }) as const);
  return new Map(batches.slice(0, count).map((batch) => [batch, referenceLookup(tables, features, batch).values]));
}

/** Says which value differs by more than `tolerance`, 0 meaning: in any bit; undefined when none does. */
export function firstDifference(values: Float32Array, expected: Float32Array, tolerance: number): string | undefined {
  if (values.length !== expected.length) return `got ${values.length} values, expected ${expected.length}`;
  if (tolerance === 0) {
    if (Buffer.compare(bytesOf(values), bytesOf(expected)) === 0) return undefined;
    const bits = bitsOf(values);
    const expectedBits = bitsOf(expected);
    const at = bits.findIndex((word, n) => word !== expectedBits[n]);
    return `value ${at}: got ${show(values[at])}, expected ${show(expected[at])}, bit for bit`;
  }
  // Not "> tolerance": a NaN is right nowhere.
  const at = values.findIndex((value, n) => !(Math.abs(value - expected[n]) <= tolerance));
  return at < 0 ? undefined : `value ${at}: got ${show(values[at])}, expected ${show(expected[at])} within ${tolerance}`;
}

function bytesOf(values: Float32Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}

function show(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}
