import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { installPackages } from "./packages.js";
import { type Peer, type PeerContext, Unavailable } from "./peer.js";
import { firstKeys, storeContender } from "./store.js";

/** The part of ioredis that is used here. */
interface Client {
  connect(): Promise<void>;
  ping(): Promise<string>;
  mgetBuffer(keys: readonly string[]): Promise<(Buffer | null)[]>;
  mset(entries: readonly (string | Buffer)[]): Promise<string>;
  disconnect(): void;
  on(event: "error", listener: (error: Error) => void): void;
}
type Redis = new (options: object) => Client;

const START_MS = 5000;
const STOP_MS = 2000;
/** Rows in one command: long commands keep the server from nothing else here, but have to be built in one piece. */
const CHUNK = 2000;

/** redis as a feature store: a row a key, MGET over loopback, pooled here. Its server is started for this run, keeps nothing, and is stopped. */
export async function startRedis({ workloads, rows, folder, say }: PeerContext, name: string): Promise<Peer> {
  const { tables } = workloads[0];
  const first = firstKeys(tables);
  const { require, versions } = await installPackages(["ioredis"], say);
  const { Redis } = require("ioredis") as { Redis: Redis };
  const port = await freePort();
  const server = await startServer(port, folder);
  const client = new Redis({ host: "127.0.0.1", port, lazyConnect: true, retryStrategy: null, commandTimeout: 30_000 });
  // Commands that fail say so themselves.
  client.on("error", () => {});
  const close = async (): Promise<void> => {
    client.disconnect();
    await stopServer(server);
  };
  try {
    await client.connect();
    for (const [table, { numRows, dim }] of tables.entries()) {
      for (let row = 0; row < numRows; row += CHUNK) {
        const entries = Array.from({ length: Math.min(CHUNK, numRows - row) }, (_, n) => [
          String(first[table] + row + n),
          Buffer.from(rows[table].slice((row + n) * dim, (row + n + 1) * dim).buffer),
        ]);
        await client.mset(entries.flat());
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  const fetch = async (keys: readonly number[], dims: readonly number[]): Promise<Float32Array> => {
    const floats = new Float32Array(dims.reduce((sum, dim) => sum + dim, 0));
    const bytes = new Uint8Array(floats.buffer);
    const chunks: Promise<(Buffer | null)[]>[] = [];
    for (let n = 0; n < keys.length; n += CHUNK) chunks.push(client.mgetBuffer(keys.slice(n, n + CHUNK).map(String)));
    let at = 0;
    for (const value of (await Promise.all(chunks)).flat()) {
      if (value === null) throw new Error(`${name}: a key that is not there`);
      bytes.set(value, at);
      at += value.length;
    }
    return floats;
  };
  return { contender: async (workload) => storeContender(name, workload, { fetch, facts: { peer: versions, threads: 1 } }), close };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("redis: no free port");
  return address.port;
}

async function startServer(port: number, folder: string): Promise<ChildProcess> {
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
  const server = spawn("redis-server", args, { stdio: ["ignore", "pipe", "ignore"] });
  // It does not see the end of its parent by itself.
  const kill = (): boolean => server.kill("SIGKILL");
  process.once("exit", kill);
  server.once("exit", () => process.removeListener("exit", kill));
  const failed = once(server, "error").then(([error]) => {
    throw new Unavailable(`redis-server: ${(error as Error).message}`);
  });
  const ended = once(server, "exit").then(() => {
    throw new Unavailable("redis-server ended while it started");
  });
  const late = sleep(START_MS, undefined, { ref: false }).then(() => {
    throw new Unavailable(`redis-server took more than ${START_MS} ms to start`);
  });
  const ready = new Promise<void>((resolve) => {
    server.stdout?.on("data", (text: Buffer) => {
      if (text.includes("Ready to accept connections")) resolve();
    });
  });
  for (const one of [failed, ended, late]) one.catch(() => {}); // those that lose the race
  try {
    await Promise.race([ready, failed, ended, late]);
  } catch (error) {
    await stopServer(server);
    throw error;
  }
  return server;
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, "exit");
  server.kill("SIGTERM");
  const timer = setTimeout(() => server.kill("SIGKILL"), STOP_MS);
  await ended;
  clearTimeout(timer);
}
