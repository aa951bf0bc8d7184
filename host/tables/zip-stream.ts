import { Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { fileError, quote } from "./fault.js";
import type { TableFile } from "./file.js";
import { streamBytes } from "./stream.js";
import type { ZipMember } from "./zip.js";

/** Bytes of a chunk that regroup gives. */
const CHUNK_BYTES = 2 ** 20;

/**
 * The bytes of a member, inflated, in chunks of any length; each is valid until the next one is asked for. Whoever reads to the end knows that
 * length and checksum are right. @throws (rejects) EmbeddingError EMBEDDING_FILE
 */
export async function* memberBytes(file: TableFile, member: ZipMember): AsyncGenerator<Uint8Array> {
  const { name, deflated, offset, storedBytes, bytes } = member;
  const where = `member ${quote(name)}`;
  let crc = 0;
  let done = 0;
  const stored = streamBytes({ file, offset, count: storedBytes });
  for await (const chunk of deflated ? inflate(file, stored, where) : stored) {
    done += chunk.length;
    if (done > bytes) throw fileError(file.path, { where, got: `more than ${bytes} bytes inflated`, expected: `${bytes}` });
    crc = crc32(chunk, crc);
    yield chunk;
  }
  if (done !== bytes) throw fileError(file.path, { where, got: `${done} bytes inflated`, expected: `${bytes}` });
  if (crc !== member.crc32) throw fileError(file.path, { where, got: `checksum ${hex(crc)}`, expected: hex(member.crc32) });
}

async function* inflate(file: TableFile, stored: AsyncGenerator<Uint8Array>, where: string): AsyncGenerator<Uint8Array> {
  const inflater = createInflateRaw({ chunkSize: 2 ** 18 });
  const source = Readable.from(copies(stored), { objectMode: false });
  source.on("error", (error) => inflater.destroy(error));
  source.pipe(inflater);
  try {
    for await (const chunk of inflater) yield chunk as Uint8Array;
  } catch (cause) {
    if (cause instanceof Error && cause.name === "EmbeddingError") throw cause;
    throw fileError(file.path, {
      where,
      got: `data that does not inflate (${String((cause as Error).message)})`,
      expected: "a deflated stream",
      cause,
    });
  } finally {
    source.destroy();
    inflater.destroy();
    await stored.return(undefined);
  }
}

/** A pipe holds chunks for longer than streamBytes lets them live. */
async function* copies(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield chunk.slice();
}

/** Leaves out the first `skip` bytes and gives the rest in chunks of 1 MiB, each at the start of its buffer, valid until the next one is asked for. */
export async function* regroup(chunks: AsyncIterable<Uint8Array>, skip: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  let left = skip;
  let filled = 0;
  for await (const chunk of chunks) {
    let at = Math.min(left, chunk.length);
    left -= at;
    while (at < chunk.length) {
      const part = chunk.subarray(at, at + buffer.length - filled);
      buffer.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled === buffer.length) {
        yield buffer;
        filled = 0;
      }
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}

/** The first `count` bytes, or all there are. */
export async function firstBytes(chunks: AsyncIterable<Uint8Array>, count: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let done = 0;
  for await (const chunk of chunks) {
    parts.push(Uint8Array.prototype.slice.call(chunk, 0, count - done));
    done += parts[parts.length - 1].length;
    if (done === count) break;
  }
  return Buffer.concat(parts);
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}
