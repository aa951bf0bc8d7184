import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { Alltoallv } from "lagbag";
import type { RankAnswer, RankData, RankOrder } from "./rank.js";
import { barrierBytes, type RoadPlan } from "./roads.js";

/** Longest wait for the answer of a rank: longer than a rank waits for its peers. */
const ANSWER_MS = 60_000;
/** Steps of the first run of a team; later ones have as many as the time asks for. */
const FIRST_STEPS = 32;

/** A kind of exchange; lag bounds are for the collective only. */
export type ExchangeKind = { kind: "alltoallv"; lagBound: number } | { kind: "ports" } | { kind: "barrier" };

export interface TeamOptions {
  exchange: ExchangeKind;
  ranks: number;
  /** Of every message. */
  bytes: number;
  seed: number;
}

/** What one run showed. Percentiles are the slowest rank's. */
export interface ExchangeRun {
  steps: number;
  seconds: number;
  p50Us: number;
  p99Us: number;
}

/** Threads that swap messages in steps, when they are told to. */
export class Team {
  readonly #workers: readonly Worker[];
  /** Guess of the next run's length. */
  #stepsPerSecond = 0;

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
  }

  /** Starts the threads, and has them check every byte of some steps. */
  static async open({ exchange, ranks, bytes, seed }: TeamOptions): Promise<Team> {
    const plans = plansOf(exchange, { ranks, bytes });
    const workers = plans.map((plan, rank) => {
      const workerData: RankData = { plan, rank, ranks, bytes, seed };
      const transferList = plan.kind === "ports" ? plan.ports.filter((port): port is MessagePort => port !== undefined) : [];
      return new Worker(new URL("./rank.js", import.meta.url), { workerData, transferList });
    });
    const team = new Team(workers);
    try {
      await team.#order({ steps: FIRST_STEPS, all: true });
    } catch (error) {
      await team.close();
      throw error;
    }
    return team;
  }

  /**
   * Runs about as many steps as fit in so many seconds.
   * @throws (rejects) an Error with what a rank found wrong; the team is of no use then
   */
  async run(minSeconds: number): Promise<ExchangeRun> {
    for (let steps = Math.max(FIRST_STEPS, Math.ceil(this.#stepsPerSecond * minSeconds * 1.1)); ; steps *= 4) {
      const answers = await this.#order({ steps, all: false });
      const seconds = Math.max(...answers.map(({ ms }) => ms)) / 1000;
      this.#stepsPerSecond = steps / seconds;
      if (seconds < minSeconds / 2) continue;
      const most = (what: "p50Us" | "p99Us"): number => Math.max(...answers.map((answer) => answer[what]));
      return { steps, seconds, p50Us: most("p50Us"), p99Us: most("p99Us") };
    }
  }

  /** Lets the threads leave; one that does not is ended. */
  async close(): Promise<void> {
    for (const worker of this.#workers) worker.postMessage("close" satisfies RankOrder);
    await Promise.all(
      this.#workers.map((worker) => {
        const timer = setTimeout(() => worker.terminate(), 1000);
        return new Promise<void>((resolve) => {
          if (worker.threadId === -1) resolve();
          else worker.once("exit", () => resolve());
        }).finally(() => clearTimeout(timer));
      }),
    );
  }

  async #order(order: RankOrder): Promise<Exclude<RankAnswer, { error: string }>[]> {
    const answers = await Promise.all(this.#workers.map((worker) => this.#ask(worker, order)));
    return answers.map((answer) => {
      if ("error" in answer) throw new Error(answer.error);
      return answer;
    });
  }

  #ask(worker: Worker, order: RankOrder): Promise<RankAnswer> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        worker.removeListener("message", onMessage);
        worker.removeListener("error", onError);
        worker.removeListener("exit", onExit);
        settle();
      };
      const onMessage = (answer: RankAnswer): void => finish(() => resolve(answer));
      const onError = (error: Error): void => finish(() => reject(error));
      const onExit = (code: number): void => finish(() => reject(new Error(`a rank's thread ended with exit code ${code}`)));
      const timer = setTimeout(() => finish(() => reject(new Error(`a rank gave no answer for ${ANSWER_MS} ms`))), ANSWER_MS);
      worker.on("message", onMessage).on("error", onError).on("exit", onExit);
      worker.postMessage(order);
    });
  }
}

function plansOf(exchange: ExchangeKind, { ranks, bytes }: { ranks: number; bytes: number }): RoadPlan[] {
  const all = Array.from({ length: ranks }, (_, rank) => rank);
  if (exchange.kind === "alltoallv") {
    const shared = Alltoallv.allocate({ ranks, lagBound: exchange.lagBound, segmentBytes: bytes });
    return all.map(() => ({ kind: "alltoallv", shared }));
  }
  if (exchange.kind === "barrier") {
    const buffer = new SharedArrayBuffer(barrierBytes(ranks, bytes));
    return all.map(() => ({ kind: "barrier", buffer }));
  }
  const ports = all.map(() => all.map((): MessagePort | undefined => undefined));
  for (const one of all) {
    for (const other of all.slice(one + 1)) {
      const { port1, port2 } = new MessageChannel();
      ports[one][other] = port1;
      ports[other][one] = port2;
    }
  }
  return ports.map((own) => ({ kind: "ports", ports: own }));
}
