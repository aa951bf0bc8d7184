import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "../engine/contenders.js";
import { UsageError } from "../suite.js";
import type { Workload } from "../workloads/workload.js";
import { writeDataFile } from "./data-file.js";
import type { Peer, PeerContext } from "./peer.js";

/** A peer of the list. */
interface Entry {
  /** One line for --help. */
  what: string;
  /** As reports call it. */
  title: string;
  /** Whether it can use more than one thread. */
  threads: boolean;
  start: (context: PeerContext, name: string) => Promise<Peer>;
}

/** Peers by the names that --peers knows. Loaded when asked for. */
export const PEERS = {
  c: {
    what: "C with AVX2 and prefetch, compiled by gcc -O3: the ceiling",
    title: "C, AVX2 and prefetch",
    threads: false,
    start: async (context, name) => (await import("./c.js")).startC(context, name, { hugePages: false }),
  },
  "c-huge": {
    what: "the same with its rows on huge pages",
    title: "C, AVX2 and prefetch, huge pages",
    threads: false,
    start: async (context, name) => (await import("./c.js")).startC(context, name, { hugePages: true }),
  },
  "onnxruntime-node": {
    what: "Gather, ReduceSum, Concat in onnxruntime's CPU library",
    title: "onnxruntime-node",
    threads: true,
    start: async (context, name) => (await import("./onnxruntime.js")).startOnnxNode(context, name),
  },
  "onnxruntime-web": {
    what: "the same model in onnxruntime's wasm",
    title: "onnxruntime-web, wasm",
    threads: false,
    start: async (context, name) => (await import("./onnxruntime.js")).startOnnxWeb(context, name),
  },
  "tfjs-wasm": {
    what: "gather, sum, concat in TensorFlow.js on its wasm backend",
    title: "tfjs, wasm",
    threads: false,
    start: async (context, name) => (await import("./tfjs.js")).startTfjs(context, name),
  },
  lmdb: {
    what: "rows got by key from lmdb, pooled in JavaScript",
    title: "lmdb, pooled in JavaScript",
    threads: false,
    start: async (context, name) => (await import("./lmdb.js")).startLmdb(context, name),
  },
  redis: {
    what: "rows got by MGET from a redis-server, pooled in JavaScript",
    title: "redis, pooled in JavaScript",
    threads: false,
    start: async (context, name) => (await import("./redis.js")).startRedis(context, name),
  },
  torch: {
    what: "PyTorch's embedding_bag (Debian: python3-torch)",
    title: "PyTorch",
    threads: true,
    start: async (context, name) => (await import("./torch.js")).startTorch(context, name),
  },
} as const satisfies Record<string, Entry>;

export type PeerName = keyof typeof PEERS;

/** As reports call a peer. */
export function peerTitle(name: PeerName, threads: number): string {
  const { title, threads: several } = PEERS[name];
  return several ? `${title}, ${threads} thread${threads === 1 ? "" : "s"}` : title;
}

/**
 * Reads --peers: all, none, or names with commas between.
 * @throws UsageError
 */
export function readPeerNames(given: string): PeerName[] {
  const known = Object.keys(PEERS) as PeerName[];
  if (given === "all") return known;
  if (given === "none") return [];
  return given.split(",").map((name) => {
    const found = known.find((one) => one === name);
    if (found === undefined) throw new UsageError(`--peers: got ${name}, expected all, none, or names of ${known.join(", ")}`);
    return found;
  });
}

/** Peers that have been started on the tables of a group. */
export class StartedPeers {
  readonly #started: readonly { name: PeerName; peer: Peer }[];

  private constructor(started: readonly { name: PeerName; peer: Peer }[]) {
    this.#started = started;
  }

  /** Starts peers, one after the other. One that cannot be had is left out, with a line that says why: a benchmark needs none of them. */
  static async start(names: readonly PeerName[], context: Omit<PeerContext, "dataFile">): Promise<StartedPeers> {
    const { folder, workloads, say, threads } = context;
    const started: { name: PeerName; peer: Peer }[] = [];
    if (names.length === 0) return new StartedPeers(started);
    const dataFile = join(folder, "data");
    writeDataFile(dataFile, workloads);
    for (const name of names) {
      const title = peerTitle(name, threads);
      const own = join(folder, name);
      mkdirSync(own);
      try {
        started.push({ name, peer: await PEERS[name].start({ ...context, dataFile, folder: own }, title) });
      } catch (error) {
        say(`${workloads[0].name}: ${title} is left out: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return new StartedPeers(started);
  }

  /** Contenders of all of them on workload number `set` of those that they were started with. */
  async contenders(workload: Workload, set: number): Promise<Contender[]> {
    const contenders: Contender[] = [];
    for (const { peer } of this.#started) contenders.push(await peer.contender(workload, set));
    return contenders;
  }

  /** The peer of this name, if it was started. */
  find(name: PeerName): Peer | undefined {
    return this.#started.find((one) => one.name === name)?.peer;
  }

  async close(): Promise<void> {
    for (const { peer } of this.#started) await peer.close();
  }
}
