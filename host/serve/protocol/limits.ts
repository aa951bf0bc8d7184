/** What one request may cost. */
export interface Limits {
  /** Bytes of a request's body, inflated; of a message on gRPC. */
  maxRequestBytes: number;
  /** Bytes of JSON in a body: parsed JSON takes up to some 20 times its size, so its limit is a lower one. */
  maxJsonBytes: number;
  /** Bytes of an answer's tensors; as JSON a value counts JSON_VALUE_BYTES. */
  maxResponseBytes: number;
  /** Samples of a request. */
  maxBatchSize: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxRequestBytes: 64 * 2 ** 20,
  maxJsonBytes: 8 * 2 ** 20,
  maxResponseBytes: 256 * 2 ** 20,
  maxBatchSize: 2 ** 20,
};

/** The longest text of a float32 in JSON ("-1.1754943508222875e-38,"), and what it counts against maxResponseBytes. */
export const JSON_VALUE_BYTES = 24;

/** Input tensors, outputs and dimensions of a request: more than any model has. */
export const MAX_TENSORS = 64;
export const MAX_DIMENSIONS = 8;
/** Characters of a tensor's name, an id, and other short strings. */
export const MAX_NAME_BYTES = 4096;
