import { Worker } from "node:worker_threads";
import type { ModelName, ModelOptions } from "./catalogue.js";
import type { lostStates } from "./reduction.js";

/** What the thread of a search is given. */
export type SearchTask = { name: ModelName | "reduction"; options: ModelOptions };

/** An exploration without its states. */
export interface SearchResult {
  states: number;
  transitions: number;
  /** What was wrong, and the shortest way to it. */
  violation: { problem: string; trace: string[] } | undefined;
}

/**
 * Explores a model in a thread of its own: Jest runs modules in a context where every use of a global is a call, which makes a search
 * six times as slow.
 */
export function search(name: ModelName, options: ModelOptions): Promise<SearchResult> {
  return inThread<SearchResult>({ name, options });
}

/** lostStates() in a thread of its own. */
export function searchLostStates(options: ModelOptions): Promise<ReturnType<typeof lostStates>> {
  return inThread({ name: "reduction", options });
}

function inThread<R>(workerData: SearchTask): Promise<R> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./search.worker.js", import.meta.url), { workerData });
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("the search ended without a result")));
  });
}
