import type { Allocator } from "../memory/allocator.js";

/** Memory for the results of a step, shared by its lookups; freed when the last one lets go. */
export class ResultBuffer {
  readonly #pool: ResultPool;
  readonly ptr: number;
  readonly bytes: number;
  #holders = 1;
  leases = 0;

  constructor(pool: ResultPool, ptr: number, bytes: number) {
    this.#pool = pool;
    this.ptr = ptr;
    this.bytes = bytes;
  }

  hold(): void {
    this.#holders += 1;
  }

  letGo(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#pool.free(this);
  }
}

/** At most this part of the heap is handed out as views; more is copied. */
const LEASED_SHARE = 0.25;

/** What ResultPool tells stats(). */
export interface ResultStats {
  /** Views that were handed out and not released. */
  leasedViews: number;
  /** Bytes that those views keep. */
  leasedBytes: number;
  /** Views that were dropped without release() and taken back by the garbage collector. */
  forgottenViews: number;
}

/** Result buffers and the views of them that callers hold. On the caller's thread only. */
export class ResultPool {
  readonly #allocator: Allocator;
  readonly #reserve: number;
  readonly stats: ResultStats = { leasedViews: 0, leasedBytes: 0, forgottenViews: 0 };
  readonly #onFree: () => void;
  /** Keeps a lease's token alive as long as one of its views is. */
  readonly #tokens = new WeakMap<Float32Array, object>();
  readonly #forgotten = new FinalizationRegistry<Lease>((lease) => {
    if (lease.release()) this.stats.forgottenViews += 1;
  });

  /** reserve: buffers that must stay free before a view is handed out. onFree: called when memory came back. */
  constructor(allocator: Allocator, reserve: number, onFree: () => void) {
    this.#allocator = allocator;
    this.#reserve = reserve;
    this.#onFree = onFree;
  }

  /** A buffer with one holder, or undefined when there is no room. */
  allocate(bytes: number): ResultBuffer | undefined {
    const ptr = this.#allocator.allocate(bytes);
    return ptr < 0 ? undefined : new ResultBuffer(this, ptr, bytes);
  }

  free(buffer: ResultBuffer): void {
    this.#allocator.free(buffer.ptr);
    this.#onFree();
  }

  /** Takes a lease on a buffer, or undefined when enough of the heap is held already and the values should be copied. */
  lease(buffer: ResultBuffer): Lease | undefined {
    const { stats } = this;
    const more = buffer.leases === 0 ? buffer.bytes : 0;
    if (stats.leasedBytes + more > this.#allocator.capacityBytes * LEASED_SHARE) return undefined;
    if (this.#allocator.freeBytes < this.#reserve * buffer.bytes) return undefined;
    return new Lease(this, buffer);
  }

  /** Ties views to their lease, so that it is taken back when all of them, and the result, were dropped. */
  watch(lease: Lease, views: readonly Float32Array[]): object {
    const token = {};
    for (const view of views) this.#tokens.set(view, token);
    this.#forgotten.register(token, lease, lease);
    return token;
  }

  unwatch(lease: Lease): void {
    this.#forgotten.unregister(lease);
  }
}

/** One lookup's right to read a result buffer. */
export class Lease {
  readonly #pool: ResultPool;
  #buffer: ResultBuffer | undefined;

  constructor(pool: ResultPool, buffer: ResultBuffer) {
    this.#pool = pool;
    this.#buffer = buffer;
    if (buffer.leases === 0) pool.stats.leasedBytes += buffer.bytes;
    buffer.leases += 1;
    buffer.hold();
    pool.stats.leasedViews += 1;
  }

  /** False when it was released before. */
  release(): boolean {
    const buffer = this.#buffer;
    if (buffer === undefined) return false;
    this.#buffer = undefined;
    buffer.leases -= 1;
    if (buffer.leases === 0) this.#pool.stats.leasedBytes -= buffer.bytes;
    this.#pool.stats.leasedViews -= 1;
    this.#pool.unwatch(this);
    buffer.letGo();
    return true;
  }
}
