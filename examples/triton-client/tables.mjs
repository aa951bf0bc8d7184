import { writeFileSync } from "node:fs";

/** Writes tables { name: { numRows, dim, rows: Float32Array } } as a safetensors file: u64 length of the header, JSON header, data. */
export function writeSafetensors(path, tables) {
  const header = {};
  let end = 0;
  for (const [name, { numRows, dim, rows }] of Object.entries(tables)) {
    header[name] = { dtype: "F32", shape: [numRows, dim], data_offsets: [end, end + rows.byteLength] };
    end += rows.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const data = Object.values(tables).map(({ rows }) => Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength));
  writeFileSync(path, Buffer.concat([length, json, ...data]));
}
