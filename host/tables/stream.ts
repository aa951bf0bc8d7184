import type { TableFile } from "./file.js";

/** Bytes of one read of a stream: half of a usual second-level cache, so that what was read is still there when it is copied on. */
const CHUNK_BYTES = 2 ** 20;
/** Bytes of one direct read, and how many are under way at once: two threads of the pool share the page faults of fresh memory. */
const DIRECT_BYTES = 2 ** 21;
const DIRECT_READS = 2;

/** A run of bytes in a file. */
export interface ByteRange {
  file: TableFile;
  offset: number;
  count: number;
}

/**
 * The bytes in order, in chunks that are multiples of 8 long but for the last. One chunk is read while the other is worked on, so a chunk is
 * valid until the next one is asked for. Each starts on a multiple of 8 of its buffer, wherever the file has it.
 */
export async function* streamBytes({ file, offset, count }: ByteRange): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const size = Math.min(CHUNK_BYTES, count);
  const buffers = [new Uint8Array(size), new Uint8Array(Math.min(size, count - size))];
  const read = (first: number, buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> => {
    const chunk = buffer.subarray(0, Math.min(size, count - first));
    const done = file.read(offset + first, chunk).then(() => chunk);
    // It may fail while the chunk before is still worked on, when nobody waits for it yet: that is no unhandled rejection.
    done.catch(() => {});
    return done;
  };
  let under = count > 0 ? read(0, buffers[0]) : undefined;
  try {
    for (let first = 0, turn = 1; under !== undefined; first += size, turn = 1 - turn) {
      const chunk = await under;
      under = first + size < count ? read(first + size, buffers[turn]) : undefined;
      yield chunk;
    }
  } finally {
    // Whoever stops early must not leave a read behind that writes to a buffer, or fails, when nobody looks.
    await under?.catch(() => {});
  }
}

/** As streamBytes, but each chunk is read while the caller's thread waits. Chunks are arrays of their own. */
export function* bytesNow({ file, offset, count }: ByteRange): Generator<Uint8Array<ArrayBuffer>> {
  for (let first = 0; first < count; first += CHUNK_BYTES) yield file.readNow(offset + first, Math.min(CHUNK_BYTES, count - first));
}

/** Reads the range straight into `bytes`, which is `count` long and may lie in shared memory. */
export async function readDirect({ file, offset, count }: ByteRange, bytes: Uint8Array, onBytes: (count: number) => void): Promise<void> {
  let next = 0;
  let failed = false;
  const reader = async (): Promise<void> => {
    while (next < count && !failed) {
      const first = next;
      next = Math.min(count, first + DIRECT_BYTES);
      const part = bytes.subarray(first, next);
      try {
        await file.read(offset + first, part);
      } catch (error) {
        failed = true;
        throw error;
      }
      onBytes(part.length);
    }
  };
  const settled = await Promise.allSettled(Array.from({ length: DIRECT_READS }, reader));
  // Only when all have ended: a read that goes on would write to memory that its owner thinks is free.
  for (const one of settled) if (one.status === "rejected") throw one.reason;
}
