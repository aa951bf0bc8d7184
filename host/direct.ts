/**
 * Sources that can put bytes where they belong. A row source of openEngine is an iterable or a function; a file can do better: where a shard
 * holds whole rows without padding, its memory is a run of the table's bytes, and the system writes them there, with no copy on the way.
 */
export const READ_BYTES: unique symbol = Symbol("lagbag.readBytes");

/** A row source that can read any run of its table's bytes, rows as the engine takes them, one behind the other. */
export interface DirectRows {
  /**
   * Fills `bytes` with those of the table from `first` on. `onBytes` hears of every part that is there.
   * @param bytes may lie in shared memory; valid until the promise settles
   */
  [READ_BYTES](first: number, bytes: Uint8Array, onBytes: (count: number) => void): Promise<void>;
}

/** The source as one that reads directly, if it can. */
export function directOf(source: object): DirectRows | undefined {
  return READ_BYTES in source && typeof source[READ_BYTES] === "function" ? (source as DirectRows) : undefined;
}
