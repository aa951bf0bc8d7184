import { parentPort, workerData } from "node:worker_threads";
import { CATALOGUE } from "./catalogue.js";
import { explore } from "./explore.js";
import { lostStates } from "./reduction.js";
import type { SearchResult, SearchTask } from "./search.js";

const task = workerData as SearchTask;
if (task.name === "reduction") {
  parentPort?.postMessage(lostStates(task.options));
} else {
  const { states, transitions, violation } = explore(CATALOGUE[task.name](task.options));
  parentPort?.postMessage({ states: states.count, transitions, violation } satisfies SearchResult);
}
