/** What the system said. */
export interface Advice {
  /** Where the bytes start. */
  address: bigint;
  /** 0, or the system's error number. */
  errno: number;
}

/**
 * madvise(MADV_HUGEPAGE) over the whole pages inside `bytes`; ask before the bytes are written, right after the memory was made. A
 * hint: whether huge pages came shows in /proc/self/smaps afterwards.
 * @throws TypeError when bytes is no Uint8Array
 */
export function advise(bytes: Uint8Array): Advice;
