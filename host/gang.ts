import { fileURLToPath } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import { EmbeddingError, fromRecord } from "./errors.js";
import type { RankConfig } from "./shard/rank.js";
import type { RankReady, RankTask } from "./shard/worker.js";

/**
 * The ranks' threads: one long-lived piscina task each. As many threads as tasks and one task a thread, because ranks wait for
 * each other: with fewer threads they would wait for ever.
 */
export class Gang {
  readonly #pool: Piscina;
  readonly #tasks: Promise<void>[] = [];
  #stopping = false;

  /** onLost is called at most once, with EMBEDDING_RANK_LOST, when a rank ends before stop() was called. */
  constructor(ranks: number, onLost: (error: EmbeddingError) => void) {
    this.#pool = new Piscina({
      filename: fileURLToPath(new URL("./shard/worker.js", import.meta.url)),
      minThreads: ranks,
      maxThreads: ranks,
      concurrentTasksPerWorker: 1,
      maxQueue: ranks,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: "disabled",
    });
    // A thread that dies outside of its task fails the task too; without a listener the pool would throw here as well.
    this.#pool.on("error", () => undefined);
    this.#onLost = onLost;
  }

  readonly #onLost: (error: EmbeddingError) => void;

  /** Starts all ranks; resolves when each has said that it is ready. */
  async start(configs: readonly RankConfig[]): Promise<void> {
    await Promise.all(configs.map((config) => this.#startRank(config)));
  }

  async #startRank(config: RankConfig): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    const ready = new Promise<RankReady>((resolve) => port1.once("message", resolve));
    const task: Promise<void> = this.#pool.run({ config, port: port2 } satisfies RankTask, { transferList: [port2] });
    const ended = task.then(
      () => this.#ended(config.rank, undefined),
      (error: unknown) => this.#ended(config.rank, error),
    );
    this.#tasks.push(ended);
    const first = await Promise.race([ready, ended]);
    port1.close();
    if (first === undefined)
      throw new EmbeddingError("EMBEDDING_RANK_LOST", `rank ${config.rank} ended while it started`, { rank: config.rank });
    if (first.failed !== undefined) throw fromRecord(first.failed);
  }

  #ended(rank: number, cause: unknown): void {
    if (this.#stopping) return;
    const why = cause === undefined ? "its task returned" : cause instanceof Error ? cause.message : String(cause);
    this.#onLost(new EmbeddingError("EMBEDDING_RANK_LOST", `rank ${rank} is lost: ${why}`, { rank, cause }));
  }

  /** Ends all threads: those that return by themselves within graceMs, and the others by force. No thread is left when it resolves. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([Promise.all(this.#tasks), grace]);
    clearTimeout(timer);
    await this.#pool.destroy();
  }
}
