/** Blocks start on cache-line borders, so that no two share a line. */
const ALIGN_BYTES = 64;

interface Hole {
  ptr: number;
  bytes: number;
}

/**
 * First-fit allocation in a byte range of the exchange memory. The book-keeping is on the caller's own thread and nowhere else:
 * only that thread allocates and frees. First fit from the low end keeps the touched part of the memory small.
 */
export class Allocator {
  readonly #holes: Hole[];
  readonly #sizes = new Map<number, number>();
  readonly capacityBytes: number;
  usedBytes = 0;

  constructor(ptr: number, bytes: number) {
    this.capacityBytes = bytes;
    this.#holes = [{ ptr, bytes }];
  }

  /** Pointer to at least `bytes` bytes (0 bytes count as 1), or -1 when no hole is large enough. Contents are whatever was there. */
  allocate(bytes: number): number {
    const want = Math.max(ALIGN_BYTES, Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES);
    const at = this.#holes.findIndex((hole) => hole.bytes >= want);
    if (at < 0) return -1;
    const hole = this.#holes[at];
    const { ptr } = hole;
    if (hole.bytes === want) this.#holes.splice(at, 1);
    else {
      hole.ptr += want;
      hole.bytes -= want;
    }
    this.#sizes.set(ptr, want);
    this.usedBytes += want;
    return ptr;
  }

  /** Gives a block back. Freeing what is not allocated is a bug of ours and throws. */
  free(ptr: number): void {
    const bytes = this.#sizes.get(ptr);
    if (bytes === undefined) throw new Error(`free(${ptr}): not allocated`);
    this.#sizes.delete(ptr);
    this.usedBytes -= bytes;
    let low = 0;
    for (let high = this.#holes.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.#holes[middle].ptr < ptr) low = middle + 1;
      else high = middle;
    }
    const before = this.#holes[low - 1];
    const after = this.#holes[low];
    const joinsBefore = before !== undefined && before.ptr + before.bytes === ptr;
    const joinsAfter = after !== undefined && ptr + bytes === after.ptr;
    if (joinsBefore && joinsAfter) {
      before.bytes += bytes + after.bytes;
      this.#holes.splice(low, 1);
    } else if (joinsBefore) before.bytes += bytes;
    else if (joinsAfter) {
      after.ptr = ptr;
      after.bytes += bytes;
    } else this.#holes.splice(low, 0, { ptr, bytes });
  }

  get freeBytes(): number {
    return this.capacityBytes - this.usedBytes;
  }

  /** The largest block that allocate would still find room for. */
  get largestFreeBytes(): number {
    return this.#holes.reduce((largest, hole) => Math.max(largest, hole.bytes), 0);
  }
}

/** A block that grows with the largest demand; its contents are lost when it grows. */
export class GrowingBlock {
  readonly #allocator: Allocator;
  #ptr = -1;
  #bytes = 0;

  constructor(allocator: Allocator) {
    this.#allocator = allocator;
  }

  /** Pointer to at least `bytes` bytes, the same as before while they suffice; -1 when there is no room. */
  reserve(bytes: number): number {
    if (this.#ptr >= 0 && bytes <= this.#bytes) return this.#ptr;
    if (this.#ptr >= 0) this.#allocator.free(this.#ptr);
    // Room to spare, so that slowly growing demands do not move it every time; without it when memory is short.
    for (const want of [bytes * 2, bytes]) {
      this.#ptr = this.#allocator.allocate(want);
      this.#bytes = this.#ptr < 0 ? 0 : want;
      if (this.#ptr >= 0) break;
    }
    return this.#ptr;
  }
}
