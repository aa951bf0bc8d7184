export const CACHE_LINE_BYTES = 64;
export const FLOAT_BYTES = 4;

/** Strides of rows shorter than a cache line: each divides the line, so that no row straddles two. */
const SHORT_STRIDES_BYTES = [16, 32] as const;

/**
 * Bytes from one row of a shard to the next in a rank's memory, for rows of `columnCount` floats:
 *
 * ```
 *   floats     1 ...  4   5 ...  8   9 ... 16   17 ... 32   ...
 *   stride        16         32         64         128      next multiple of 64
 * ```
 */
export function rowStrideBytes(columnCount: number): number {
  const bytes = columnCount * FLOAT_BYTES;
  for (const stride of SHORT_STRIDES_BYTES) {
    if (bytes <= stride) return stride;
  }
  return Math.ceil(bytes / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;
}

/** Bytes that the memory system moves to gather one row of `columnCount` floats: whole cache lines. */
export function gatheredRowBytes(columnCount: number): number {
  return Math.max(CACHE_LINE_BYTES, rowStrideBytes(columnCount));
}
