import { type Logger, pino } from "pino";
import { EmbeddingError } from "../errors.js";
import { Access } from "./access.js";
import { GrpcServer } from "./grpc/grpc.js";
import { Inference } from "./inference.js";
import { type LoadListener, Repository } from "./model/repository.js";
import { type FilledServeOptions, resolveServeOptions, type ServeOptions } from "./options.js";
import { renderPage } from "./page/page.js";
import { ByteBudget } from "./protocol/budget.js";
import { RestServer } from "./rest/rest.js";
import { packageVersion } from "./version.js";
import { HotFeatures } from "./watch/hot.js";
import { MetricsServer } from "./watch/listener.js";
import { Metrics } from "./watch/metrics.js";
import { Timeline } from "./watch/timeline.js";
import { Tracing } from "./watch/tracing.js";

const PROGRESS_MS = 2000;

/** A server that listens. */
export interface ServeHandle extends AsyncDisposable {
  /** For instance "http://127.0.0.1:8000". */
  readonly restUrl: string;
  /** For instance "127.0.0.1:8001". */
  readonly grpcAddress: string;
  /** For instance "http://127.0.0.1:8002/metrics". */
  readonly metricsUrl: string;
  /** Resolves when all tables are in; rejects with the error of the first model that cannot be loaded. Until then the server is live, but not ready. */
  readonly ready: Promise<void>;
  /**
   * Drains: not ready any more, no new connections, running requests finish (at most drainTimeoutMs, or timeoutMs if given), then all
   * is closed. May be called more than once.
   */
  close(options?: { timeoutMs?: number }): Promise<void>;
}

/**
 * Serves models over REST and gRPC as the Open Inference Protocol has them. Resolves when all three ports listen; tables are read in
 * from then on (`ready`).
 * @throws (rejects) EmbeddingError EMBEDDING_OPTIONS, also when a port is in use; nothing is left behind then
 */
export async function serve(options: ServeOptions): Promise<ServeHandle> {
  const filled = resolveServeOptions(options);
  const log = filled.log ?? pino({ level: "silent" });
  const version = packageVersion();
  const repository = new Repository(filled.models);
  const budget = new ByteBudget(filled.maxInFlightBytes);
  const metrics = new Metrics(repository, budget);
  const hot = new HotFeatures();
  const timeline = new Timeline(repository.models);
  const startedAt = new Date();
  const inference = new Inference({
    repository,
    budget,
    metrics,
    log,
    limits: filled.limits,
    tracing: new Tracing(),
    timeoutMs: filled.timeoutMs,
    seen: (lookup) => hot.note(lookup),
  });
  const access = new Access(filled.token);
  const face = { inference, access, tls: filled.tls, version };
  const rest = new RestServer({ ...face, page: () => renderPage({ repository, timeline, hot, version, startedAt }) });
  const grpc = new GrpcServer(face);
  const scrape = new MetricsServer({ metrics, access, tls: filled.tls });
  const closeFaces = async (): Promise<void> => {
    timeline.stop();
    grpc.close();
    await Promise.all([rest.close(), scrape.close()]);
  };
  let ports: FilledServeOptions["ports"];
  try {
    ports = await listenAll(filled, { port: rest, grpcPort: grpc, metricsPort: scrape });
  } catch (error) {
    await closeFaces();
    await repository.close();
    throw error;
  }
  const ready = repository.load(loadLog(log));
  // Whoever wants to know asks for it; that nobody does is no reason to end the process.
  ready.catch((error: unknown) => log.error({ err: error }, "loading failed"));

  let closing: Promise<void> | undefined;
  const close = async (timeoutMs: number): Promise<void> => {
    repository.draining = true;
    log.info({ underWay: inference.underWay }, "draining");
    const drained = Promise.all([rest.drain(), grpc.drain()]).then(() => true);
    const finished = await withDeadline(drained, timeoutMs);
    if (finished !== true) log.warn({ underWay: inference.underWay, timeoutMs }, "requests were under way when the drain timeout passed");
    await closeFaces();
    await repository.close();
    log.info("closed");
  };
  const host = filled.host.includes(":") ? `[${filled.host}]` : filled.host;
  const scheme = filled.tls === undefined ? "http" : "https";
  const handle: ServeHandle = {
    restUrl: `${scheme}://${host}:${ports.port}`,
    grpcAddress: `${host}:${ports.grpcPort}`,
    metricsUrl: `${scheme}://${host}:${ports.metricsPort}/metrics`,
    ready,
    close: ({ timeoutMs = filled.drainTimeoutMs } = {}) => {
      closing ??= close(timeoutMs);
      return closing;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
  log.info({ rest: handle.restUrl, grpc: handle.grpcAddress, metrics: handle.metricsUrl }, "listening");
  return handle;
}

/** Tells the log how loading goes, a large table now and then. */
function loadLog(log: Logger): LoadListener {
  let nextMs = 0;
  return {
    loading: ({ name, tables }) => {
      nextMs = performance.now() + PROGRESS_MS;
      log.info({ model: name, tables: tables.length }, "loading");
    },
    progress: ({ name }, { table, bytesDone, totalBytes }) => {
      if (performance.now() < nextMs) return;
      nextMs = performance.now() + PROGRESS_MS;
      log.info({ model: name, table, bytesDone, totalBytes }, "loading");
    },
    loaded: ({ name, loadMs, plan }) => {
      const bytes = plan?.shards.reduce((sum, shard) => sum + shard.bytes, 0);
      log.info({ model: name, ms: Math.round(loadMs), bytes }, "loaded");
    },
  };
}

interface Listener {
  listen(host: string, port: number): Promise<number>;
}

/** Listens on all ports. @throws (rejects) EmbeddingError EMBEDDING_OPTIONS that names the one that does not work */
async function listenAll<K extends string>(
  { host, ports }: { host: string; ports: Record<K, number> },
  listeners: Record<K, Listener>,
): Promise<Record<K, number>> {
  const bound: Partial<Record<K, number>> = {};
  for (const [name, listener] of Object.entries(listeners) as [K, Listener][]) {
    try {
      bound[name] = await listener.listen(host, ports[name]);
    } catch (cause) {
      const why = /EADDRINUSE/.test(String(cause)) ? "is in use" : `cannot be listened on (${(cause as Error).message})`;
      throw new EmbeddingError("EMBEDDING_OPTIONS", `${name}: ${host}:${ports[name]} ${why}; choose another, 0 is any free one`, {
        got: ports[name],
        cause,
      });
    }
  }
  return bound as Record<K, number>;
}

async function withDeadline<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
