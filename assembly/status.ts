/** What a kernel returns. */

/** All went well. */
export const STATUS_OK: i32 = 0;
/** An index lies outside its table; the error record says which. */
export const STATUS_INDEX_RANGE: i32 = 1;
/** A key is not in the index of a table that refuses such; the error record says which. */
export const STATUS_KEY_MISSING: i32 = 2;
