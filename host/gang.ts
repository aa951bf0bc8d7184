import { fileURLToPath } from "node:url";
import { MessageChannel } from "node:worker_threads";
import { Piscina } from "piscina";
import { EmbeddingError, type ErrorRecord, fromRecord } from "./errors.js";
import type { RankConfig } from "./shard/rank.js";
import { messageOf } from "./shard/stage.js";
import type { RankTask } from "./shard/worker.js";

/**
 * The ranks' threads: one long-lived piscina task each. As many threads as tasks and one task a thread, because ranks wait for
 * each other: with fewer threads they would wait for ever.
 */
export class Gang {
  readonly #pool: Piscina;
  readonly #tasks: Promise<unknown>[] = [];
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
      execArgv: inheritedFlags(process.execArgv),
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
    const ready = new Promise<undefined>((resolve) => port1.once("message", () => resolve(undefined)));
    const task: Promise<ErrorRecord | undefined> = this.#pool.run({ config, port: port2 } satisfies RankTask, { transferList: [port2] });
    const ended = task.then(
      (failed) => this.#ended(config.rank, failed),
      (error: unknown) => this.#ended(config.rank, error),
    );
    this.#tasks.push(ended);
    const error = await Promise.race([ready, ended]);
    port1.close();
    if (error !== undefined) throw error;
  }

  /** A rank's task is over: that is a loss unless the gang was told to stop. Returns the error. */
  #ended(rank: number, cause: unknown): EmbeddingError {
    const error = endOf(rank, cause);
    if (!this.#stopping) this.#onLost(error);
    return error;
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

/** Node's flags for the ranks: those of the process, without what is about a script on the command line (`node --input-type=module --eval ...`). */
export function inheritedFlags(flags: readonly string[]): string[] {
  return flags.filter((flag, n) => !flag.startsWith("--input-type") && flags[n - 1] !== "--input-type");
}

/** Why a rank's task is over: the record that it returned, what its thread died of, or nothing at all. */
function endOf(rank: number, cause: unknown): EmbeddingError {
  // By its code, not by class: under jest the errors of the runtime's core are instances of another realm's Error.
  if (cause !== undefined && String((cause as Partial<ErrorRecord>).code).startsWith("EMBEDDING_")) return fromRecord(cause as ErrorRecord);
  const why = cause === undefined ? "its task returned" : messageOf(cause);
  return new EmbeddingError("EMBEDDING_RANK_LOST", `rank ${rank} is lost: ${why}`, { rank, cause });
}
