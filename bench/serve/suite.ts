import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Group } from "../report.js";
import type { Suite } from "../suite.js";
import { oneSample } from "../workloads/shapes.js";
import { makeWorkload } from "../workloads/workload.js";
import { measureServers } from "./measure.js";
import { formatGroup } from "./print.js";
import type { Listening, ServersOptions } from "./servers.js";

const LARGE_BATCH = 256;
const START_MS = 300_000;

/** The server beside a plain handler and onnxruntime-node, over real sockets. */
export const serveSuite: Suite = {
  summary: "The server, REST and gRPC, beside the same lookup behind a plain fastify handler and behind fastify + onnxruntime-node.",
  groups: {
    one: "one sample a request, one connection: latency",
    many: `${LARGE_BATCH} samples a request, several connections: requests/s`,
  },
  options: {
    rounds: { default: "11", help: "rounds that count, 1 to 1000 (--quick: 3)" },
    "sample-ms": { default: "400", help: "least milliseconds of a case in a round, 10 to 60,000 (--quick: 100)" },
    connections: { default: "4", help: `connections of the ${LARGE_BATCH}-sample requests, 1 to 64` },
    ranks: { default: "2", help: "ranks, and threads of onnxruntime, 1 to 64" },
    onnx: { default: "yes", help: "yes, or no: without onnxruntime-node, which is installed when asked for" },
  },
  async run(run): Promise<Group[]> {
    const { quick, seed } = run;
    const options: ServersOptions = {
      quick,
      seed,
      batchSizes: [1, LARGE_BATCH],
      ranks: run.count("ranks", 1, 64),
      onnx: run.text("onnx") !== "no",
    };
    run.progress.show("starting servers");
    const child = fork(fileURLToPath(new URL("./servers.js", import.meta.url)), [JSON.stringify(options)]);
    try {
      const listening = await firstMessage(child);
      const groups: Group[] = [];
      const shape = oneSample({ quick });
      const sizes = {
        one: { batchSize: 1, batchCount: 4096, connections: 1 },
        many: { batchSize: LARGE_BATCH, batchCount: 64, connections: run.count("connections", 1, 64) },
      };
      for (const [name, { batchSize, batchCount, connections }] of Object.entries(sizes)) {
        if (!run.wants(name)) continue;
        const title = `26 tables x 16 fp32, one lookup a feature, ${batchSize} sample${batchSize === 1 ? "" : "s"} a request, ${connections} connection${connections === 1 ? "" : "s"}`;
        const workload = makeWorkload({ ...shape, name, title, batchSize, batchCount }, seed);
        const group = await measureServers(run, workload, { listening, connections });
        run.say(formatGroup(group));
        groups.push(group);
      }
      return groups;
    } finally {
      child.disconnect();
    }
  },
};

function firstMessage(child: ReturnType<typeof fork>): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the servers did not listen within ${START_MS} ms`)), START_MS);
    child.once("message", (message) => {
      clearTimeout(timer);
      resolve(message as Listening);
    });
    child.once("exit", (code) => reject(new Error(`the servers' process ended with ${code}`)));
  });
}
