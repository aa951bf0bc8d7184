import { Worker } from "node:worker_threads";

/** Milliseconds for which a core is taken, and for which it is left alone. */
const TAKEN_MS = 30;
const LEFT_MS = 70;

/** Takes a core away for 30 ms of every 100, with a thread of its own, as a noisy neighbour does. Returns how to stop it. */
export function burnCore(): () => Promise<void> {
  const program = `
    const word = new Int32Array(new SharedArrayBuffer(4));
    for (;;) {
      const end = performance.now() + ${TAKEN_MS};
      while (performance.now() < end);
      Atomics.wait(word, 0, 0, ${LEFT_MS});
    }`;
  const worker = new Worker(program, { eval: true });
  return async () => {
    await worker.terminate();
  };
}
