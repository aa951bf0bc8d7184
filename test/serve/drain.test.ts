import { Agent, request as httpRequest } from "node:http";
import { describe, expect, test } from "@jest/globals";
import type { ServeHandle } from "lagbag/serve";
import { seededRandom } from "../cases.js";
import { GrpcClient, rawInfer } from "./grpc-client.js";
import { ask, binaryBody } from "./rest-client.js";
import { NUM_ROWS, randomBags, serveSomewhere, testModel } from "./serving.js";

const random = seededRandom(54);
const model = testModel(random, "m", { engine: { inline: "never" } });
const bags = randomBags(random, 500, NUM_ROWS);
const TENSORS = [
  { name: "INDICES", datatype: "INT64", shape: [bags.indices.length], values: BigInt64Array.from(bags.indices) },
  { name: "LENGTHS", datatype: "INT32", shape: [bags.lengths.length], values: Int32Array.from(bags.lengths) },
];
const REQUEST = binaryBody(TENSORS, { parameters: { binary_data_output: true } });

/** What became of a request: a status, or that there was no connection to send it on. */
type Outcome = number | "no connection";

/** One request on an agent's connections. Rejects when a connection breaks on which a request had been sent. */
function post({ restUrl }: ServeHandle, agent: Agent): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const headers = { ...REQUEST.headers, "content-length": REQUEST.body.length };
    const request = httpRequest(`${restUrl}/v2/models/m/infer`, { method: "POST", agent, headers }, (reply) => {
      reply.resume();
      reply.once("error", reject);
      reply.once("end", () => resolve(reply.statusCode ?? 0));
    });
    request.once("error", (error: NodeJS.ErrnoException) => (error.code === "ECONNREFUSED" ? resolve("no connection") : reject(error)));
    request.end(REQUEST.body);
  });
}

describe("close()", () => {
  test("under load on both wires: every request that was sent is answered", async () => {
    const handle = await serveSomewhere({ models: [model.source] });
    await handle.ready;
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const client = new GrpcClient(handle.grpcAddress);
    const counts = { rest: 0, grpc: 0 };
    let stopped = false;
    const restLoop = async (): Promise<void> => {
      while (!stopped) {
        const outcome = await post(handle, agent);
        if (outcome === "no connection") return;
        expect(outcome).toBe(200);
        counts.rest += 1;
      }
    };
    const grpcLoop = async (): Promise<void> => {
      while (!stopped) {
        try {
          await client.call("ModelInfer", rawInfer("m", bags.indices, bags.lengths));
          counts.grpc += 1;
        } catch (error) {
          // The channel has lost its server, and no other is there: the call was never sent.
          expect((error as Error).message).toMatch(/^14 UNAVAILABLE: (No connection established|Connection dropped)|ECONNREFUSED/);
          return;
        }
      }
    };
    const loops = Promise.all([...Array.from({ length: 8 }, restLoop), ...Array.from({ length: 4 }, grpcLoop)]);
    await new Promise((resolve) => setTimeout(resolve, 400));
    const before = { ...counts };
    await handle.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    stopped = true;
    await loops;
    client.close();
    agent.destroy();
    expect(before.rest).toBeGreaterThan(0);
    expect(before.grpc).toBeGreaterThan(0);
    expect(counts.rest).toBeGreaterThan(before.rest);
  });

  test("while draining it is live and not ready, and requests on open connections are told that they are the last", async () => {
    const handle = await serveSomewhere({ models: [model.source] });
    await handle.ready;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await post(handle, agent)).toBe(200);
    const closed = handle.close();
    const reply = await new Promise<{ status: number | undefined; connection: string | undefined; text: string }>((resolve, reject) => {
      const request = httpRequest(`${handle.restUrl}/v2/health/ready`, { agent }, (incoming) => {
        let text = "";
        incoming.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        incoming.on("end", () => resolve({ status: incoming.statusCode, connection: incoming.headers.connection, text }));
      });
      request.once("error", reject);
      request.end();
    });
    expect(reply).toEqual({ status: 503, connection: "close", text: '{"live":true,"ready":false}' });
    await closed;
    await handle.close();
    agent.destroy();
    await expect(ask(handle, "/v2/health/live")).rejects.toThrow();
  });

  test("a request that takes longer than the drain timeout ends it, and nothing hangs", async () => {
    const handle = await serveSomewhere({ models: [model.source] });
    await handle.ready;
    const hanging = new Promise<string>((resolve) => {
      const request = httpRequest(`${handle.restUrl}/v2/models/m/infer`, { method: "POST", headers: { "content-length": 1000 } });
      request.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
      request.write("x");
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await handle.close({ timeoutMs: 100 });
    expect(await hanging).toBe("ECONNRESET");
  });

  test("while tables come in: live, not ready, models answer 503; close() before they are in works", async () => {
    let goOn: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    async function* rows(): AsyncGenerator<Float32Array> {
      await gate;
      yield new Float32Array(10);
    }
    const source = { name: "late", tables: [{ name: "t", numRows: 10, dim: 1, rows: rows() }] };
    const handle = await serveSomewhere({ models: [source] });
    expect(await ask(handle, "/v2/health/live")).toMatchObject({ status: 200, json: { live: true, ready: false } });
    expect((await ask(handle, "/v2/health/ready")).status).toBe(503);
    expect(await ask(handle, "/v2/models/late/ready")).toMatchObject({
      status: 503,
      json: { error: expect.stringContaining("its tables are being read in") },
    });
    const client = new GrpcClient(handle.grpcAddress);
    expect(await client.call("ServerReady")).toEqual({ ready: false });
    expect(await client.refusal("ModelInfer", { model_name: "late" })).toContain('14 UNAVAILABLE: model "late" is not ready');
    expect((await ask(handle, "/v2/repository/index", { body: {} })).json).toEqual([
      { name: "late", version: "1", state: "LOADING", reason: "" },
    ]);
    client.close();
    const closed = handle.close();
    goOn();
    await closed;
    await handle.ready.catch(() => {});
  });

  test("tables that cannot be read: ready rejects, and the server is not live any more", async () => {
    const source = { name: "short", tables: [{ name: "t", numRows: 10, dim: 1, rows: new Float32Array(9) }] };
    const handle = await serveSomewhere({ models: [source] });
    await expect(handle.ready).rejects.toMatchObject({ code: "EMBEDDING_TABLE_ROWS" });
    expect(await ask(handle, "/v2/health/live")).toMatchObject({ status: 503, json: { live: false, ready: false } });
    expect((await ask(handle, "/v2/repository/index", { body: {} })).json).toMatchObject([
      { state: "UNAVAILABLE", reason: expect.stringContaining("9") },
    ]);
    await handle.close();
  });
});
