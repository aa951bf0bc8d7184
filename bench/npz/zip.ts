import { crc32, inflateRawSync } from "node:zlib";

/**
 * The entries of a zip archive that is in memory, as numpy writes .npz files: stored or deflated, below 4 GiB, neither split nor encrypted.
 *
 *     end of central directory   0 signature  10 entries  12 bytes of the directory  16 its offset          last 22 bytes, before a comment
 *     directory entry            0 signature   8 flags  10 method  16 crc  20 packed  24 unpacked  28 name  30 extra  32 comment  42 offset  46 name
 *     local header               0 signature  26 name  28 extra  30 name, extra, data
 */
const END = { SIGNATURE: 0x06054b50, BYTES: 22, COUNT: 10, OFFSET: 16 } as const;
const ENTRY = {
  SIGNATURE: 0x02014b50,
  BYTES: 46,
  FLAGS: 8,
  METHOD: 10,
  CRC: 16,
  PACKED: 20,
  UNPACKED: 24,
  NAME: 28,
  EXTRA: 30,
  COMMENT: 32,
  OFFSET: 42,
} as const;
const LOCAL = { SIGNATURE: 0x04034b50, BYTES: 30, NAME: 26, EXTRA: 28 } as const;
const MAX_COMMENT_BYTES = 65_535;
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;
const ZIP64 = 0xffffffff;

/** An entry's name, and its content when asked for. */
export interface ZipEntry {
  name: string;
  /** @throws an Error when its bytes are not what the archive says */
  read(): Buffer;
}

/** @throws an Error that says what is wrong with the archive */
export function zipEntries(archive: Buffer): ZipEntry[] {
  const end = findEnd(archive);
  const entries: ZipEntry[] = [];
  let at = archive.readUInt32LE(end + END.OFFSET);
  for (let n = archive.readUInt16LE(end + END.COUNT); n > 0; n -= 1) {
    check(archive, { at, bytes: ENTRY.BYTES, signature: ENTRY.SIGNATURE, what: "the directory" });
    const nameBytes = archive.readUInt16LE(at + ENTRY.NAME);
    const name = archive.toString("utf8", at + ENTRY.BYTES, at + ENTRY.BYTES + nameBytes);
    const entry = at;
    entries.push({ name, read: () => readEntry(archive, entry, name) });
    at += ENTRY.BYTES + nameBytes + archive.readUInt16LE(at + ENTRY.EXTRA) + archive.readUInt16LE(at + ENTRY.COMMENT);
  }
  return entries;
}

function findEnd(archive: Buffer): number {
  const first = archive.length - END.BYTES;
  for (let at = first; at >= Math.max(0, first - MAX_COMMENT_BYTES); at -= 1) {
    if (archive.readUInt32LE(at) === END.SIGNATURE) return at;
  }
  throw new Error("no zip archive: it has no directory at its end");
}

function check(archive: Buffer, part: { at: number; bytes: number; signature: number; what: string }): void {
  const { at, bytes, signature, what } = part;
  if (at + bytes > archive.length) throw new Error(`${what} lies at byte ${at}, the archive has ${archive.length}`);
  if (archive.readUInt32LE(at) !== signature) throw new Error(`${what} at byte ${at} does not begin as one`);
}

function readEntry(archive: Buffer, at: number, name: string): Buffer {
  const method = archive.readUInt16LE(at + ENTRY.METHOD);
  const packed = archive.readUInt32LE(at + ENTRY.PACKED);
  const unpacked = archive.readUInt32LE(at + ENTRY.UNPACKED);
  const offset = archive.readUInt32LE(at + ENTRY.OFFSET);
  if (archive.readUInt16LE(at + ENTRY.FLAGS) & ENCRYPTED) throw new Error(`${name} is encrypted`);
  if (packed === ZIP64 || unpacked === ZIP64 || offset === ZIP64) throw new Error(`${name} is larger than 4 GiB`);
  check(archive, { at: offset, bytes: LOCAL.BYTES, signature: LOCAL.SIGNATURE, what: `${name}'s header` });
  const begin = offset + LOCAL.BYTES + archive.readUInt16LE(offset + LOCAL.NAME) + archive.readUInt16LE(offset + LOCAL.EXTRA);
  const data = archive.subarray(begin, begin + packed);
  if (data.length !== packed) throw new Error(`${name} is cut short: got ${data.length} bytes, expected ${packed}`);
  const content = unpack(data, { method, unpacked, name });
  if (content.length !== unpacked) throw new Error(`${name}: got ${content.length} bytes, expected ${unpacked}`);
  const sum = archive.readUInt32LE(at + ENTRY.CRC);
  if (crc32(content) !== sum) throw new Error(`${name}: its checksum is wrong`);
  return content;
}

function unpack(data: Buffer, { method, unpacked, name }: { method: number; unpacked: number; name: string }): Buffer {
  if (method === STORED) return data;
  if (method !== DEFLATED) throw new Error(`${name}: got compression method ${method}, expected ${STORED} (none) or ${DEFLATED} (deflate)`);
  try {
    // No more than the archive promises: a small file must not fill the memory.
    return inflateRawSync(data, { maxOutputLength: Math.max(1, unpacked) });
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
