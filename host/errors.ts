/**
 * Every error that lagbag raises on purpose, by its stable code. Match on `error.code`; messages may change.
 *
 * | code | when | what is left |
 * |---|---|---|
 * | EMBEDDING_OPTIONS | an option of openEngine, planTables or Alltoallv is missing, of the wrong type, or out of its limits | nothing was allocated |
 * | EMBEDDING_PLAN | the tables cannot be laid out over the ranks as asked | nothing was allocated |
 * | EMBEDDING_MEMORY_LIMIT | tables or a lookup need more bytes than the memory mode has | nothing was allocated / that lookup alone |
 * | EMBEDDING_TABLE_ROWS | a table's source gave too few or too many values, or a chunk of the wrong type | the engine did not open |
 * | EMBEDDING_KEYS | a table's keys are too few, too many, of the wrong type, or one comes twice (names the key and both rows) | the engine did not open |
 * | EMBEDDING_FILE | a table file cannot be read, is corrupt, truncated or hostile, or holds no table; `file` names it | what was open is closed |
 * | EMBEDDING_ABI | the wasm module is missing, or does not match this host | the engine did not open |
 * | EMBEDDING_STAGE | the stage's module, createStage or run failed, or run returned the wrong shape | the lookups of that step alone (opening: the engine did not open) |
 * | EMBEDDING_BATCH | a lookup's arguments have the wrong type or shape | that lookup alone |
 * | EMBEDDING_FEATURE_UNKNOWN | a lookup names a feature that the engine does not have, or names one twice | that lookup alone |
 * | EMBEDDING_OFFSETS | offsets do not start at 0, fall, or end elsewhere than at indices.length | that lookup alone |
 * | EMBEDDING_INDEX_RANGE | an index is negative or not less than its table's numRows | that lookup alone |
 * | EMBEDDING_KEY_MISSING | a key is not in its table, and the table has missingKey "error" | that lookup alone |
 * | EMBEDDING_WEIGHTS | weights of the wrong length, or with a mean or max feature | that lookup alone |
 * | EMBEDDING_UNSUPPORTED | the call cannot work with this engine, e.g. lookupSync with a stage | that call alone |
 * | EMBEDDING_QUEUE_FULL | maxQueuedLookups lookups wait already | that lookup alone |
 * | EMBEDDING_TIMEOUT | a deadline passed; names the ranks and the step that were waited for | that lookup alone |
 * | EMBEDDING_ABORTED | the lookup's AbortSignal fired; `cause` is its reason | that lookup alone |
 * | EMBEDDING_RANK_LOST | a rank's thread died (`cause` says of what), or a rank has left its Alltoallv | the engine: close it |
 * | EMBEDDING_CLOSED | the engine is closed, or was closed while the lookup ran, or the rank has closed its Alltoallv | the engine is closed |
 * | EMBEDDING_RELEASED | a result, or a received step, was read after its release | that result alone |
 * | EMBEDDING_PROTOCOL | an act of Alltoallv was called out of order, or a rank was attached twice | that call alone |
 */
export type EmbeddingErrorCode =
  | "EMBEDDING_OPTIONS"
  | "EMBEDDING_PLAN"
  | "EMBEDDING_MEMORY_LIMIT"
  | "EMBEDDING_TABLE_ROWS"
  | "EMBEDDING_KEYS"
  | "EMBEDDING_FILE"
  | "EMBEDDING_ABI"
  | "EMBEDDING_STAGE"
  | "EMBEDDING_BATCH"
  | "EMBEDDING_FEATURE_UNKNOWN"
  | "EMBEDDING_OFFSETS"
  | "EMBEDDING_INDEX_RANGE"
  | "EMBEDDING_KEY_MISSING"
  | "EMBEDDING_WEIGHTS"
  | "EMBEDDING_UNSUPPORTED"
  | "EMBEDDING_QUEUE_FULL"
  | "EMBEDDING_TIMEOUT"
  | "EMBEDDING_ABORTED"
  | "EMBEDDING_RANK_LOST"
  | "EMBEDDING_CLOSED"
  | "EMBEDDING_RELEASED"
  | "EMBEDDING_PROTOCOL";

/** Where an EmbeddingError happened. Only the fields that apply are there. */
export interface ErrorPlace {
  /** Feature name. */
  feature?: string;
  /** Table name. */
  table?: string;
  /** Path of a table file. */
  file?: string;
  /** Sample within the lookup's batch. */
  sample?: number;
  /** Element of the input array that is named in the message. */
  position?: number;
  /** The rank it is about: that failed, that holds a lookup up, or (Alltoallv) whose wait it was. */
  rank?: number;
  /** The other rank of a wait: a rank that `rank` holds up (lookups), the rank that holds `rank` up (Alltoallv). */
  peer?: number;
  /** Step, counted from 0. */
  step?: number;
}

/** What an EmbeddingError carries besides its code. */
export interface ErrorDetails extends ErrorPlace {
  /** What was given. */
  got?: unknown;
  /** What would have been accepted. */
  expected?: unknown;
  /** The error underneath, if any. */
  cause?: unknown;
}

/** An EmbeddingError as plain data, for the way across threads: instances lose class and code there. */
export interface ErrorRecord extends ErrorPlace {
  code: EmbeddingErrorCode;
  message: string;
  got?: unknown;
  expected?: unknown;
  /** Name, message and stack of the error underneath. */
  cause?: { name: string; message: string; stack?: string };
}

const PLACE_FIELDS = ["feature", "table", "file", "sample", "position", "rank", "peer", "step"] as const;

/** The one error class of lagbag. `code` is stable; `got` and `expected` say what was wrong, the place fields where. */
export class EmbeddingError extends Error {
  override readonly name = "EmbeddingError";
  readonly code: EmbeddingErrorCode;
  readonly got?: unknown;
  readonly expected?: unknown;
  readonly feature?: string;
  readonly table?: string;
  readonly file?: string;
  readonly sample?: number;
  readonly position?: number;
  readonly rank?: number;
  readonly peer?: number;
  readonly step?: number;

  constructor(code: EmbeddingErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    const { cause: _, ...fields } = details;
    Object.assign(this, fields);
  }
}

/** The plain record of any error: an EmbeddingError keeps its code and fields, another error becomes the cause of `code`. */
export function toRecord(error: unknown, code: EmbeddingErrorCode, context: string): ErrorRecord {
  if (error instanceof EmbeddingError) {
    const record: ErrorRecord = { code: error.code, message: error.message };
    if (error.got !== undefined) record.got = String(error.got);
    if (error.expected !== undefined) record.expected = String(error.expected);
    for (const field of PLACE_FIELDS) {
      if (error[field] !== undefined) Object.assign(record, { [field]: error[field] });
    }
    return record;
  }
  const cause =
    error instanceof Error
      ? { name: error.name, message: error.message, ...(error.stack === undefined ? {} : { stack: error.stack }) }
      : { name: "Error", message: String(error) };
  return { code, message: `${context}: ${cause.message}`, cause };
}

/** The EmbeddingError that a record from another thread stands for. */
export function fromRecord(record: ErrorRecord): EmbeddingError {
  const { code, message, cause, ...details } = record;
  if (cause === undefined) return new EmbeddingError(code, message, details);
  const inner = new Error(cause.message);
  inner.name = cause.name;
  if (cause.stack !== undefined) inner.stack = cause.stack;
  return new EmbeddingError(code, message, { ...details, cause: inner });
}
