import { fileError, quote } from "./fault.js";
import type { TableFile } from "./file.js";

/**
 * ```
 *  +--------------+---------+-----+-------------------+-------------------------+-----+
 *  | local header | member  | ... | central directory | zip64 record, locator   | end |
 *  | 30 + names   | data    |     | 46 + names each   | 56 and 20, large files  | 22+ |
 *  +--------------+---------+-----+-------------------+-------------------------+-----+
 * ```
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MOST_COMMENT_BYTES = 65535;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const ZIP64_SIGNATURE = 0x06064b50;
const ZIP64_BYTES = 56;
const CENTRAL_SIGNATURE = 0x02014b50;
const CENTRAL_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const ZIP64_EXTRA = 1;
const MOST_DIRECTORY_BYTES = 2 ** 26;
/** Each costs a look at its header: more are no model but a way to keep a reader busy. */
const MOST_MEMBERS = 65_536;
/** No deflated stream is more than 1032 times shorter than what it stands for. */
const MOST_DEFLATE_RATIO = 1032;

/** A member whose numbers are known to be good. */
export interface ZipMember {
  name: string;
  deflated: boolean;
  /** Of its data in the file. */
  offset: number;
  storedBytes: number;
  /** Inflated. */
  bytes: number;
  crc32: number;
}

/** The members of an archive in the order of its directory. @throws EmbeddingError EMBEDDING_FILE */
export function readZip(file: TableFile): ZipMember[] {
  const { path } = file;
  const { start, bytes, count } = findDirectory(file);
  if (start + bytes > file.sizeBytes || bytes > MOST_DIRECTORY_BYTES) {
    const expected = `one within ${file.sizeBytes} bytes, of at most ${MOST_DIRECTORY_BYTES}`;
    throw fileError(path, { got: `a directory of ${bytes} bytes at byte ${start}`, expected });
  }
  if (count > MOST_MEMBERS) throw fileError(path, { got: `${count} members`, expected: `at most ${MOST_MEMBERS}` });
  const directory = view(file.readNow(start, bytes));
  const members: ZipMember[] = [];
  const names = new Set<string>();
  for (let at = 0; members.length < count; ) {
    if (at + CENTRAL_BYTES > bytes || directory.getUint32(at, true) !== CENTRAL_SIGNATURE) {
      throw fileError(path, { got: `a directory that ends after ${members.length} members`, expected: `${count} members` });
    }
    const { member, next } = readCentral(file, directory, at);
    if (names.has(member.name)) throw fileError(path, { got: `the member ${quote(member.name)} twice`, expected: "each name once" });
    names.add(member.name);
    members.push(member);
    at = next;
  }
  checkOverlap(path, members, start);
  return members;
}

interface Directory {
  start: number;
  bytes: number;
  count: number;
}

/** By the record at the file's end, which a comment may follow. */
function findDirectory(file: TableFile): Directory {
  const { path, sizeBytes } = file;
  const tailBytes = Math.min(sizeBytes, END_BYTES + MOST_COMMENT_BYTES);
  const tail = view(file.readNow(sizeBytes - tailBytes, tailBytes));
  for (let at = tailBytes - END_BYTES; at >= 0; at -= 1) {
    if (tail.getUint32(at, true) !== END_SIGNATURE || at + END_BYTES + tail.getUint16(at + 20, true) !== tailBytes) continue;
    const end = { count: tail.getUint16(at + 10, true), bytes: tail.getUint32(at + 12, true), start: tail.getUint32(at + 16, true) };
    const isZip64 = end.count === 0xffff || end.bytes === 0xffffffff || end.start === 0xffffffff;
    return isZip64 ? (findZip64(file, sizeBytes - tailBytes + at) ?? end) : end;
  }
  throw fileError(path, { got: "no end record of a zip archive", expected: "a .npz file: is it truncated?" });
}

/** The zip64 record, told by the locator before the end record at `endAt`; undefined where there is none. */
function findZip64(file: TableFile, endAt: number): Directory | undefined {
  const { path } = file;
  if (endAt < LOCATOR_BYTES) return undefined;
  const locator = view(file.readNow(endAt - LOCATOR_BYTES, LOCATOR_BYTES));
  if (locator.getUint32(0, true) !== LOCATOR_SIGNATURE) return undefined;
  const recordAt = toNumber(path, locator.getBigUint64(8, true));
  if (recordAt + ZIP64_BYTES > endAt)
    throw fileError(path, { got: `a zip64 record at byte ${recordAt}`, expected: `one before byte ${endAt}` });
  const record = view(file.readNow(recordAt, ZIP64_BYTES));
  if (record.getUint32(0, true) !== ZIP64_SIGNATURE) throw fileError(path, { got: "no zip64 record where one should be", expected: "one" });
  const [count, bytes, start] = [32, 40, 48].map((at) => toNumber(path, record.getBigUint64(at, true)));
  return { count, bytes, start };
}

function readCentral(file: TableFile, directory: DataView<ArrayBuffer>, at: number): { member: ZipMember; next: number } {
  const { path } = file;
  const u16 = (n: number): number => directory.getUint16(at + n, true);
  const u32 = (n: number): number => directory.getUint32(at + n, true);
  const nameBytes = u16(28);
  const extraBytes = u16(30);
  const next = at + CENTRAL_BYTES + nameBytes + extraBytes + u16(32);
  if (next > directory.byteLength) throw fileError(path, { got: "a directory entry that is cut", expected: "a whole one" });
  const nameAt = at + CENTRAL_BYTES;
  const name = Buffer.from(directory.buffer, nameAt, nameBytes).toString("utf8");
  const where = `member ${quote(name)}`;
  const extra = new DataView(directory.buffer, nameAt + nameBytes, extraBytes);
  // Fields that are all ones stand in the zip64 extra field, in this order.
  const wide = zip64Values(path, extra);
  const [bytes, storedBytes, localAt] = [u32(24), u32(20), u32(42)].map((value) =>
    value === 0xffffffff ? (wide.shift() ?? value) : value,
  );
  const method = u16(10);
  if ((u16(8) & 1) !== 0) throw fileError(path, { where, got: "encrypted data", expected: "plain data" });
  if (method !== 0 && method !== 8)
    throw fileError(path, { where, got: `compression method ${method}`, expected: "0 (stored) or 8 (deflate)" });
  const deflated = method === 8;
  if (deflated ? bytes > storedBytes * MOST_DEFLATE_RATIO : bytes !== storedBytes) {
    const expected = deflated ? `at most ${storedBytes * MOST_DEFLATE_RATIO}` : "as many";
    throw fileError(path, { where, got: `${storedBytes} bytes that claim to hold ${bytes}`, expected });
  }
  const offset = localAt + localHeaderBytes(file, localAt, where);
  if (offset + storedBytes > file.sizeBytes) {
    throw fileError(path, {
      where,
      got: `${storedBytes} bytes from byte ${offset}`,
      expected: `at most ${file.sizeBytes}: is the file truncated?`,
    });
  }
  return { member: { name, deflated, offset, storedBytes, bytes, crc32: u32(16) }, next };
}

/** The local header repeats the directory's entry; only its own length is taken from it. */
function localHeaderBytes(file: TableFile, at: number, where: string): number {
  const fault = (got: string): Error => fileError(file.path, { where, got, expected: `a header within ${file.sizeBytes} bytes` });
  if (at + LOCAL_BYTES > file.sizeBytes) throw fault(`a header at byte ${at}`);
  const local = view(file.readNow(at, LOCAL_BYTES));
  if (local.getUint32(0, true) !== LOCAL_SIGNATURE) throw fault(`no header at byte ${at}`);
  return LOCAL_BYTES + local.getUint16(26, true) + local.getUint16(28, true);
}

function zip64Values(path: string, extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength; at += 4 + extra.getUint16(at + 2, true)) {
    const bytes = extra.getUint16(at + 2, true);
    if (extra.getUint16(at, true) !== ZIP64_EXTRA || at + 4 + bytes > extra.byteLength) continue;
    return Array.from({ length: Math.min(3, Math.floor(bytes / 8)) }, (_, n) => toNumber(path, extra.getBigUint64(at + 4 + n * 8, true)));
  }
  return [];
}

/** Members that share bytes are how a small archive pretends to hold much. */
function checkOverlap(path: string, members: readonly ZipMember[], directoryAt: number): void {
  let end = 0;
  for (const { name, offset, storedBytes } of members.toSorted((a, b) => a.offset - b.offset || a.storedBytes - b.storedBytes)) {
    if (offset < end)
      throw fileError(path, {
        where: `member ${quote(name)}`,
        got: `data from byte ${offset}`,
        expected: `from ${end} on: members overlap`,
      });
    end = offset + storedBytes;
  }
  if (end > directoryAt)
    throw fileError(path, { got: `members up to byte ${end}`, expected: `an end before the directory at ${directoryAt}` });
}

function toNumber(path: string, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw fileError(path, { got: `a size of ${value} bytes`, expected: "less than 2^53" });
  return Number(value);
}

function view(bytes: Uint8Array<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
