/** Tables in the row formats: what an engine is opened with, and what its answers are held against. */
import type { EngineOptions, FeatureOptions, LookupBatch, Sharding, TableOptions } from "lagbag";
import type { ReferenceFeature, ReferenceTable } from "#host/reference.js";
import { dequantiseRows, quantiseRows, type RowDtype, rowBytes } from "#host/rows/rows.js";
import type { Case } from "../cases.js";
import { indexingOf } from "./open.js";

/** A format, and whether the engine is given packed rows or floats. */
export interface Format {
  dtype: RowDtype;
  packed: boolean;
}

/** Rows of a table in a format. */
export function pack(dtype: RowDtype, { rows, dim }: ReferenceTable): Uint8Array {
  const packed = new Uint8Array((rows.length / dim) * rowBytes(dtype, dim));
  quantiseRows(dtype, rows, dim, packed);
  return packed;
}

/** The table that a lookup over packed rows is answered from. */
export function unpack(dtype: RowDtype, packed: Uint8Array, dim: number): ReferenceTable {
  const numRows = packed.length / rowBytes(dtype, dim);
  const rows = new Float32Array(numRows * dim);
  dequantiseRows(dtype, packed, dim, rows);
  return { numRows, dim, rows };
}

/** Table options that give a reference table's rows in a format. */
export function tableOf(name: string, table: ReferenceTable, { dtype, packed }: Format, sharding: Sharding): TableOptions {
  const { numRows, dim } = table;
  const common = { name, numRows, dim, dtype, sharding, ...indexingOf(table) };
  return packed ? { ...common, packed, rows: pack(dtype, table) } : { ...common, rows: table.rows };
}

/** Many cases in one engine: opening one for each would take most of the time. */
export function optionsOfAll(cases: readonly Case[], format: Format, sharding: Sharding): Pick<EngineOptions, "tables" | "features"> {
  const tables = cases.flatMap((subject) =>
    [...subject.tables].map(([name, table]) => tableOf(`${subject.name}/${name}`, table, format, sharding)),
  );
  const features = cases.flatMap((subject) =>
    subject.features.map(({ name, table, pooling, paddingIndex }): FeatureOptions => {
      const padding = paddingIndex === undefined ? {} : { paddingIndex };
      return { name: `${subject.name}/${name}`, table: `${subject.name}/${table}`, pooling, ...padding };
    }),
  );
  return { tables, features };
}

/** A case as the engine of all cases knows it: its names, its rows in the format. */
export function caseIn(subject: Case, { dtype }: Format): Case & { lookup: LookupBatch } {
  const named = (name: string): string => `${subject.name}/${name}`;
  const tables = new Map(
    [...subject.tables].map(([name, table]): [string, ReferenceTable] => {
      const { dim, defaultRow } = table;
      const inFormat = (rows: Float32Array): Float32Array => unpack(dtype, pack(dtype, { ...table, rows }), dim).rows;
      const missing = defaultRow === undefined ? {} : { defaultRow: inFormat(defaultRow) };
      return [named(name), { ...table, rows: inFormat(table.rows), ...missing }];
    }),
  );
  const features = subject.features.map(
    (feature): ReferenceFeature => ({ ...feature, name: named(feature.name), table: named(feature.table) }),
  );
  return { ...subject, tables, features, lookup: { ...subject.batch, features: features.map(({ name }) => name) } };
}
