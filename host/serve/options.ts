import type { Logger } from "pino";
import { EmbeddingError } from "../errors.js";
import { isLoopback } from "./access.js";
import type { ModelSource } from "./model/model.js";
import { DEFAULT_LIMITS, type Limits } from "./protocol/limits.js";

/** Options of serve. */
export interface ServeOptions extends Partial<Limits> {
  /** At least one. */
  models: readonly ModelSource[];
  /** Address to listen on, default "127.0.0.1". One that others reach needs `tls` and `token`, or `insecure`. */
  host?: string;
  /** REST, default 8000; 0 is any free one, as with the others. */
  port?: number;
  /** gRPC, default 8001. */
  grpcPort?: number;
  /** Prometheus, default 8002. */
  metricsPort?: number;
  /** PEM. All three ports speak TLS then. */
  tls?: { cert: Buffer; key: Buffer };
  /** All but the probes have to show it (Authorization: Bearer TOKEN). */
  token?: string;
  /** Allows an address that others reach without TLS and token, default false. */
  insecure?: boolean;
  /** Milliseconds that a request may take, 1 to 2^31 - 1; default 30,000. Requests may ask for less. */
  timeoutMs?: number;
  /** Milliseconds that close() waits for running requests, default 30,000. */
  drainTimeoutMs?: number;
  /** Bytes of bodies and answers of all requests under way, default 1 GiB. */
  maxInFlightBytes?: number;
  /** Where to log, default: nowhere. */
  log?: Logger;
}

/** ServeOptions with nothing left open. */
export interface FilledServeOptions {
  models: readonly ModelSource[];
  host: string;
  ports: { port: number; grpcPort: number; metricsPort: number };
  tls: { cert: Buffer; key: Buffer } | undefined;
  token: string | undefined;
  timeoutMs: number;
  drainTimeoutMs: number;
  maxInFlightBytes: number;
  limits: Limits;
  log: Logger | undefined;
}

const DEFAULTS = {
  host: "127.0.0.1",
  port: 8000,
  grpcPort: 8001,
  metricsPort: 8002,
  timeoutMs: 30_000,
  drainTimeoutMs: 30_000,
  maxInFlightBytes: 2 ** 30,
} as const;
const MAX_MS = 2 ** 31 - 1;
const MAX_BYTES = 2 ** 31;

/**
 * Checks options and fills in what was left open.
 * @throws EmbeddingError EMBEDDING_OPTIONS
 */
export function resolveServeOptions(options: ServeOptions): FilledServeOptions {
  const integer = (name: Exclude<keyof ServeOptions, "models">, fallback: number, low: number, high: number): number => {
    const value = options[name] ?? fallback;
    if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
      throw new EmbeddingError("EMBEDDING_OPTIONS", `${name}: got ${String(value)}, expected an integer from ${low} to ${high}`, {
        got: value,
      });
    }
    return value;
  };
  const { models, tls, token, insecure = false, log, host = DEFAULTS.host } = options;
  if (token === "") throw new EmbeddingError("EMBEDDING_OPTIONS", "token: got an empty one, expected at least one character");
  if (!isLoopback(host) && !insecure && (tls === undefined || token === undefined)) {
    const missing = [tls === undefined ? "TLS" : "", token === undefined ? "a token" : ""].filter(Boolean).join(" and ");
    throw new EmbeddingError(
      "EMBEDDING_OPTIONS",
      `host: got ${host}, which others reach, without ${missing}; give both, or say insecure if something in front of it sees to that`,
      { got: host, expected: "tls and token, or insecure" },
    );
  }
  return {
    models,
    host,
    ports: {
      port: integer("port", DEFAULTS.port, 0, 65535),
      grpcPort: integer("grpcPort", DEFAULTS.grpcPort, 0, 65535),
      metricsPort: integer("metricsPort", DEFAULTS.metricsPort, 0, 65535),
    },
    tls,
    token,
    log,
    timeoutMs: integer("timeoutMs", DEFAULTS.timeoutMs, 1, MAX_MS),
    drainTimeoutMs: integer("drainTimeoutMs", DEFAULTS.drainTimeoutMs, 0, MAX_MS),
    maxInFlightBytes: integer("maxInFlightBytes", DEFAULTS.maxInFlightBytes, 1024, Number.MAX_SAFE_INTEGER),
    limits: {
      maxRequestBytes: integer("maxRequestBytes", DEFAULT_LIMITS.maxRequestBytes, 1024, MAX_BYTES),
      maxJsonBytes: integer("maxJsonBytes", DEFAULT_LIMITS.maxJsonBytes, 1024, 2 ** 29),
      maxResponseBytes: integer("maxResponseBytes", DEFAULT_LIMITS.maxResponseBytes, 1024, MAX_BYTES - 2 ** 16),
      maxBatchSize: integer("maxBatchSize", DEFAULT_LIMITS.maxBatchSize, 1, MAX_MS),
    },
  };
}
