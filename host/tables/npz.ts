import { columnMajorRows } from "./column-major.js";
import { ELEMENT_BYTES } from "./elements.js";
import { fileError, quote } from "./fault.js";
import type { TableFile } from "./file.js";
import { whyNoRows } from "./npy.js";
import { NPY_PREFIX_BYTES, npyTextRange, readNpyHeader } from "./npy-header.js";
import { decodeChunks } from "./rows.js";
import type { FileTable, FoundTables, LeftOut } from "./types.js";
import { readZip, type ZipMember } from "./zip.js";
import { firstBytes, memberBytes, regroup } from "./zip-stream.js";

const ENDING = ".npy";

/**
 * The tables of an .npz file in the archive's order: every 2-D array of floats, stored or deflated.
 * @throws (rejects) EmbeddingError EMBEDDING_FILE
 */
export async function readNpz(file: TableFile): Promise<FoundTables> {
  const tables: FileTable[] = [];
  const leftOut: LeftOut[] = [];
  for (const member of readZip(file)) {
    const found = await readMember(file, member);
    if (typeof found === "string") leftOut.push({ name: member.name, reason: found });
    else tables.push(found);
  }
  return { format: "npz", tables, leftOut };
}

/** The table of a member, or why it is none. */
async function readMember(file: TableFile, member: ZipMember): Promise<FileTable | string> {
  if (!member.name.endsWith(ENDING) || member.name.length === ENDING.length) return "no .npy member";
  const { path } = file;
  const where = `member ${quote(member.name)}`;
  const { start, end } = npyTextRange(await firstBytes(memberBytes(file, member), NPY_PREFIX_BYTES), { path, where });
  if (end > member.bytes) throw fileError(path, { where, got: `${member.bytes} bytes`, expected: `a header of ${end}` });
  const header = readNpyHeader((await firstBytes(memberBytes(file, member), end)).subarray(start), { path, where });
  const { descr, type, valueCount, fortranOrder } = header;
  const reason = whyNoRows(header);
  if (reason !== undefined || type === undefined) return reason ?? descr;
  const [numRows, dim] = header.shape;
  const bytes = valueCount * ELEMENT_BYTES[type];
  if (member.bytes - end !== bytes) {
    throw fileError(path, {
      where,
      got: `${member.bytes - end} bytes behind the header`,
      expected: `${bytes} for ${descr} [${numRows}, ${dim}]`,
    });
  }
  if (fortranOrder && member.deflated) {
    const expected = "row-major order, or np.savez without compression: columns of a deflated array cannot be read one by one";
    throw fileError(path, { where, got: "Fortran order in a deflated member", expected });
  }
  const rows = fortranOrder
    ? columnMajorRows({ file, offset: member.offset + end, numRows, dim, type })
    : { [Symbol.asyncIterator]: () => decodeChunks(regroup(memberBytes(file, member), end), type) };
  return { name: member.name.slice(0, -ENDING.length), numRows, dim, rows, stored: { type: descr, file: path, bytes } };
}
