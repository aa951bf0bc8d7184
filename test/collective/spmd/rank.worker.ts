import { parentPort, workerData } from "node:worker_threads";
import { Alltoallv, EmbeddingError } from "lagbag";
import { seededRandom } from "../../cases/random.js";
import type { RankOutcome, RankTask } from "./run.js";
import { checkAll, sendAll } from "./steps.js";

const { shared, rank, seed, steps, ahead, calls, delayedSteps, stop, timeoutMs = 30_000 } = workerData as RankTask;
const collective = Alltoallv.attach(shared, rank);
const random = seededRandom(seed * 64 + rank);
const cell = new Int32Array(new SharedArrayBuffer(4));
const outcome: RankOutcome = { received: 0, wrong: undefined, error: undefined };

/** Sleeps 0 to 2 ms in some of the steps, so that other ranks find this one late. */
function delay(): void {
  if (random() < delayedSteps) Atomics.wait(cell, 0, 0, 2 * random());
}

/** In a mix, every call is of either kind. */
function isSync(): boolean {
  return calls === "mixed" ? random() < 0.5 : calls === "sync";
}

async function send(): Promise<void> {
  const step = isSync() ? collective.reserveSync({ timeoutMs }) : await collective.reserve({ timeoutMs });
  delay();
  sendAll(collective, step, seed);
}

async function receive(): Promise<void> {
  const step = isSync() ? collective.receiveSync({ timeoutMs }) : await collective.receive({ timeoutMs });
  if (step.step !== outcome.received) outcome.wrong ??= `got step ${step.step}, expected ${outcome.received}`;
  outcome.wrong ??= checkAll(collective, step, seed);
  delay();
  // What was handed out stays as it was until it is released, whatever the others do meanwhile.
  outcome.wrong ??= checkAll(collective, step, seed);
  outcome.received += 1;
  step.release();
}

/** Does what the task says that this rank does instead of going on. */
function doStop(): void {
  if (stop?.how === "closes") collective.closeSync();
  if (stop?.how === "aborts") collective.abort();
  Atomics.wait(cell, 0, 0);
}

try {
  for (let turn = 0; turn < steps + ahead; turn += 1) {
    if (turn === stop?.turn) doStop();
    if (turn < steps) await send();
    if (turn >= ahead) await receive();
  }
  if (isSync()) collective.closeSync();
  else await collective.close();
} catch (error) {
  if (!(error instanceof EmbeddingError)) throw error;
  const { code, rank: place, peer, step } = error;
  outcome.error = { code, rank: place, peer, step };
}
parentPort?.postMessage(outcome);
