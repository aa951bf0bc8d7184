/** What a kernel returns. */

/** All went well. */
export const STATUS_OK: i32 = 0;
/** An index lies outside its table; the error record says which. */
export const STATUS_INDEX_RANGE: i32 = 1;
