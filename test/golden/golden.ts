/** Loads embedding-bag.json: PyTorch's answers, made by tools/golden/make-embedding-bag.py, which describes the file. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { ReferenceFeature, ReferenceJagged, ReferenceTable } from "#host/reference.js";
import type { Case } from "../cases/case.js";

/** A lookup and what PyTorch makes of it. */
export interface GoldenCase extends Case {
  values: Float32Array;
  jagged: ReadonlyMap<string, ReferenceJagged>;
}

export interface Golden {
  /** PyTorch's version. */
  torch: string;
  cases: GoldenCase[];
}

/** Float arrays in the file: base64 of little-endian float32. */
type Base64 = string;

interface GoldenFile {
  torch: string;
  tables: Record<string, { numRows: number; dim: number; rows: Base64 }>;
  cases: {
    name: string;
    features: ReferenceFeature[];
    batchSize: number;
    indexType: "int32" | "int64";
    indices: number[];
    offsets: number[];
    weights?: Base64;
    values: Base64;
    jagged?: Record<string, { values: Base64; offsets: number[] }>;
  }[];
}

/** Compiled tests run from build/test, so the file is found from the package's root. */
const PACKAGE_ROOT = dirname(createRequire(import.meta.url).resolve("lagbag/package.json"));

export function loadGolden(): Golden {
  const path = join(PACKAGE_ROOT, "test", "golden", "embedding-bag.json");
  const file: GoldenFile = JSON.parse(readFileSync(path, "utf8"));
  const tables = mapValues(file.tables, (table): ReferenceTable => ({ ...table, rows: decode(table.rows) }));
  const cases = file.cases.map((each) => {
    const indices = each.indexType === "int64" ? BigInt64Array.from(each.indices, BigInt) : Int32Array.from(each.indices);
    const weights = each.weights === undefined ? {} : { weights: decode(each.weights) };
    return {
      name: each.name,
      tables,
      features: each.features,
      batch: { batchSize: each.batchSize, indices, offsets: Int32Array.from(each.offsets), ...weights },
      values: decode(each.values),
      jagged: mapValues(each.jagged ?? {}, ({ values, offsets }) => ({
        values: decode(values),
        offsets: Int32Array.from(offsets),
      })),
    };
  });
  return { torch: file.torch, cases };
}

function decode(base64: Base64): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, "base64")); // a copy, as a Buffer's bytes need not be aligned
  return new Float32Array(bytes.buffer);
}

function mapValues<From, To>(record: Record<string, From>, convert: (value: From) => To): Map<string, To> {
  return new Map(Object.entries(record).map(([key, value]) => [key, convert(value)]));
}
