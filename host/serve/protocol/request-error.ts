import { EmbeddingError, type EmbeddingErrorCode } from "../../errors.js";

/** Why a request is not answered, in words that both wires know. */
export type RequestErrorKind =
  | "invalid"
  | "not_found"
  | "unauthenticated"
  | "too_large"
  | "busy"
  | "cancelled"
  | "deadline"
  | "unavailable"
  | "unimplemented"
  | "internal";

/** What each kind is called on the wires: the HTTP status, and the gRPC status code (https://grpc.io/docs/guides/status-codes/). */
export const STATUS: Readonly<Record<RequestErrorKind, { http: number; grpc: number }>> = {
  invalid: { http: 400, grpc: 3 },
  not_found: { http: 404, grpc: 5 },
  unauthenticated: { http: 401, grpc: 16 },
  too_large: { http: 413, grpc: 8 },
  busy: { http: 429, grpc: 8 },
  cancelled: { http: 499, grpc: 1 },
  deadline: { http: 504, grpc: 4 },
  unavailable: { http: 503, grpc: 14 },
  unimplemented: { http: 501, grpc: 12 },
  internal: { http: 500, grpc: 13 },
};

/** The kinds of the engine's errors; the others are "internal". */
const KINDS: Partial<Record<EmbeddingErrorCode, RequestErrorKind>> = {
  EMBEDDING_BATCH: "invalid",
  EMBEDDING_FEATURE_UNKNOWN: "invalid",
  EMBEDDING_OFFSETS: "invalid",
  EMBEDDING_INDEX_RANGE: "invalid",
  EMBEDDING_KEY_MISSING: "invalid",
  EMBEDDING_WEIGHTS: "invalid",
  EMBEDDING_UNSUPPORTED: "invalid",
  EMBEDDING_MEMORY_LIMIT: "too_large",
  EMBEDDING_QUEUE_FULL: "busy",
  EMBEDDING_TIMEOUT: "deadline",
  EMBEDDING_ABORTED: "cancelled",
  EMBEDDING_RANK_LOST: "unavailable",
  EMBEDDING_CLOSED: "unavailable",
};

/** A request that cannot be answered, and why; its message is for the client. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly kind: RequestErrorKind;

  constructor(kind: RequestErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

/** A request that is wrong in itself. */
export function invalid(message: string): RequestError {
  return new RequestError("invalid", message);
}

/** Any error as a RequestError. What is not meant for clients (a bug of ours) keeps its text to the log. */
export function toRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof EmbeddingError) return new RequestError(KINDS[error.code] ?? "internal", error.message, error);
  return new RequestError("internal", "internal error, see the server's log", error);
}
