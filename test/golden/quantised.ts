/** Loads quantised.json: PyTorch's answers, made by tools/golden/make-quantised.py, which describes the file. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { RowDtype } from "#host/rows/rows.js";

/** Rows, what PyTorch packs and unpacks them to, and what it makes of bags of them. */
export interface QuantisedTable {
  dtype: RowDtype;
  dim: number;
  rows: Float32Array;
  packed: Uint8Array;
  unpacked: Float32Array;
  indices: Int32Array;
  offsets: Int32Array;
  weights: Float32Array;
  /** [bags, dim], without and with weights. */
  sum: Float32Array;
  weighted: Float32Array;
}

export interface QuantisedGolden {
  halves: { floats: Float32Array; bits: Uint16Array };
  tables: QuantisedTable[];
}

type Base64 = string;

interface QuantisedFile {
  halves: { floats: Base64; bits: Base64 };
  tables: (Record<"rows" | "packed" | "unpacked" | "weights" | "sum" | "weighted", Base64> & {
    dtype: RowDtype;
    dim: number;
    indices: number[];
    offsets: number[];
  })[];
}

/** Compiled tests run from build/test, so the file is found from the package's root. */
const PACKAGE_ROOT = dirname(createRequire(import.meta.url).resolve("lagbag/package.json"));

export function loadQuantised(): QuantisedGolden {
  const file: QuantisedFile = JSON.parse(readFileSync(join(PACKAGE_ROOT, "test", "golden", "quantised.json"), "utf8"));
  const { halves } = file;
  return {
    halves: { floats: floatsOf(halves.floats), bits: new Uint16Array(bytesOf(halves.bits).buffer) },
    tables: file.tables.map((table) => ({
      dtype: table.dtype,
      dim: table.dim,
      rows: floatsOf(table.rows),
      packed: bytesOf(table.packed),
      unpacked: floatsOf(table.unpacked),
      indices: Int32Array.from(table.indices),
      offsets: Int32Array.from(table.offsets),
      weights: floatsOf(table.weights),
      sum: floatsOf(table.sum),
      weighted: floatsOf(table.weighted),
    })),
  };
}

/** A copy, as a Buffer's bytes need not be aligned. */
function bytesOf(base64: Base64): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}

function floatsOf(base64: Base64): Float32Array {
  return new Float32Array(bytesOf(base64).buffer);
}
