/** How urgent a lookup is. */
export type LagClass = "latency" | "bulk";

/** LookupOptions, checked and filled in. */
export interface HowToLookUp {
  out: Float32Array | undefined;
  signal: AbortSignal | undefined;
  timeoutMs: number;
  lagClass: LagClass;
  /** Whose lookups keep their order, see LookupQueue. */
  caller: unknown;
}
