import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { deflateSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ServeHandle } from "lagbag/serve";
import { seededRandom } from "../cases.js";
import { GrpcClient, rawInfer } from "./grpc-client.js";
import { ask, binaryBody, inferText } from "./rest-client.js";
import { bitsOf, NUM_ROWS, randomBags, serveSomewhere, testModel, withServer } from "./serving.js";

const MIB = 2 ** 20;
const random = seededRandom(53);
const model = testModel(random, "m", { shapes: ["pooled", "hps"] });
const limits = { maxRequestBytes: 4 * MIB, maxJsonBytes: MIB, maxResponseBytes: 4 * MIB, maxBatchSize: 50_000, maxInFlightBytes: 64 * MIB };
let handle: ServeHandle;
let client: GrpcClient;

beforeAll(async () => {
  handle = await serveSomewhere({ models: [model.source], ...limits });
  await handle.ready;
  client = new GrpcClient(handle.grpcAddress);
});
afterAll(async () => {
  client.close();
  await handle.close();
});

const PATH = "/v2/models/m/infer";

/** Bytes that requests hold, as the metrics tell. */
async function heldBytes(): Promise<number> {
  const text = await (await fetch(handle.metricsUrl)).text();
  return Number(/^lagbag_request_bytes (\d+)$/m.exec(text)?.[1]);
}

/** Sends a body piece by piece, without a length; resolves with the status that comes. */
function sendChunks(
  chunk: Buffer,
  count: number,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; sent: number }> {
  return new Promise((resolve, reject) => {
    let sent = 0;
    const request = httpRequest(handle.restUrl + PATH, { method: "POST", headers }, (reply) => {
      let text = "";
      reply.setEncoding("utf8");
      reply.on("data", (part: string) => {
        text += part;
      });
      reply.on("end", () => {
        request.destroy();
        resolve({ status: reply.statusCode ?? 0, text, sent });
      });
    });
    request.on("error", (error) => (sent > 0 ? undefined : reject(error)));
    const write = (): void => {
      while (sent < count && !request.destroyed) {
        sent += 1;
        if (!request.write(chunk)) {
          request.once("drain", write);
          return;
        }
      }
      request.end();
    };
    write();
  });
}

describe("bodies that are too large", () => {
  test("by what Content-Length says: 413 before a byte is read", async () => {
    const status = await new Promise<number>((resolve, reject) => {
      const request = httpRequest(handle.restUrl + PATH, { method: "POST", headers: { "content-length": 2 ** 40 } }, (reply) => {
        resolve(reply.statusCode ?? 0);
        request.destroy();
      });
      request.on("error", reject);
      request.flushHeaders();
    });
    expect(status).toBe(413);
  });

  test("a gigabyte of garbage in chunks: 413, and nothing stays", async () => {
    const before = process.memoryUsage().arrayBuffers;
    const { status, text } = await sendChunks(Buffer.alloc(MIB, 0xa5), 1024);
    expect([status, text]).toEqual([413, expect.stringContaining("expected at most 4194304")]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MIB);
    expect(await heldBytes()).toBe(0);
  });

  test("what gzip and deflate make of a little: 413 by the inflated size", async () => {
    const bomb = Buffer.alloc(128 * MIB);
    for (const [encoding, body] of [["gzip", gzipSync(bomb)] as const, ["deflate", deflateSync(bomb)] as const]) {
      expect(body.length).toBeLessThan(limits.maxRequestBytes);
      const reply = await ask(handle, PATH, { body, headers: { "content-encoding": encoding } });
      expect([reply.status, reply.json.error]).toEqual([413, expect.stringContaining("body: got more than 4194304 bytes")]);
    }
    expect(await heldBytes()).toBe(0);
  });

  test("JSON past its own limit: 413", async () => {
    const body = Buffer.alloc(2 * MIB, "[");
    expect(await ask(handle, PATH, { body })).toMatchObject({
      status: 413,
      json: { error: expect.stringContaining("JSON: got 2097152 bytes, expected at most 1048576") },
    });
  });

  test("messages on gRPC: RESOURCE_EXHAUSTED, compressed ones too", async () => {
    const request = rawInfer("m", new Array(600_000).fill(1n), [600_000, 0, 0]);
    expect(await client.refusal("ModelInfer", request)).toContain("8 RESOURCE_EXHAUSTED");
    const gzip = new GrpcClient(handle.grpcAddress, undefined, { "grpc.default_compression_algorithm": 2 });
    expect(await gzip.refusal("ModelInfer", request)).toContain("8 RESOURCE_EXHAUSTED");
    expect((await gzip.call("ModelInfer", rawInfer("m", [1n], [1, 0, 0]))).raw_output_contents[0].length).toBe(96);
    gzip.close();
  });
});

describe("bodies that are compressed", () => {
  test.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
  ])("%s is taken, JSON and binary", async (encoding, compress) => {
    const bags = randomBags(random, 3, NUM_ROWS);
    const tensors = [
      { name: "INDICES", datatype: "INT64", shape: [bags.indices.length], values: BigInt64Array.from(bags.indices) },
      { name: "LENGTHS", datatype: "INT32", shape: [9], values: Int32Array.from(bags.lengths) },
    ];
    const { body, headers } = binaryBody(tensors);
    const reply = await ask(handle, PATH, { body: compress(body), headers: { ...headers, "content-encoding": encoding } });
    expect(bitsOf(Float32Array.from(reply.json.outputs[0].data))).toEqual(bitsOf(model.pooled({ batchSize: 3, ...bags })));
  });

  test("bytes that are none, and unknown encodings: 400", async () => {
    for (const [encoding, message] of [
      ["gzip", "body: not gzip"],
      ["deflate", "body: not deflate"],
      ["br", 'Content-Encoding: got "br", expected gzip, deflate or identity'],
    ]) {
      const reply = await ask(handle, PATH, { body: Buffer.from("garbage"), headers: { "content-encoding": encoding } });
      expect([reply.status, reply.json.error]).toEqual([400, expect.stringContaining(message)]);
    }
    const cut = gzipSync(Buffer.alloc(1000, "x")).subarray(0, 12);
    expect((await ask(handle, PATH, { body: cut, headers: { "content-encoding": "gzip" } })).status).toBe(400);
  });
});

describe("requests that ask for too much", () => {
  const lengths = (count: number) => ({ name: "LENGTHS", datatype: "INT32", shape: [count], values: new Int32Array(count) });
  const indices = { name: "INDICES", datatype: "INT64", shape: [0], values: new BigInt64Array(0) };

  test("a batch past its limit, and an output past its: 400, nothing looked up", async () => {
    const large = binaryBody([indices, lengths(3 * 50_001)], { parameters: { binary_data_output: true } });
    expect(await ask(handle, PATH, large)).toMatchObject({
      status: 400,
      json: { error: "LENGTHS: got a batch of 50001, expected at most 50000" },
    });
    const output = binaryBody([indices, lengths(3 * 45_000)], { parameters: { binary_data_output: true } });
    expect(await ask(handle, PATH, output)).toMatchObject({
      status: 400,
      json: { error: "POOLED: got a request for 4320000 bytes of output, expected at most 4194304" },
    });
    const asJson = binaryBody([indices, lengths(3 * 10_000)]);
    expect(await ask(handle, PATH, asJson)).toMatchObject({
      status: 400,
      json: { error: expect.stringContaining("got a request for 960000 bytes of output") },
    });
    expect(await ask(handle, PATH, binaryBody([indices, lengths(3 * 10_000)], { parameters: { binary_data_output: true } }))).toMatchObject(
      { status: 200 },
    );
  });

  test("counts of keys that no body has", async () => {
    const body = (counts: string) =>
      `{"inputs":[{"name":"KEYS","datatype":"INT64","shape":[1,0],"data":[[]]},{"name":"NUMKEYS","datatype":"INT32","shape":[1,3],"data":[[${counts}]]}]}`;
    expect((await ask(handle, PATH, { body: body("2147483647,2147483647,2147483647") })).json.error).toContain(
      "NUMKEYS: got a sum of 2147483647",
    );
    expect((await ask(handle, PATH, { body: body("-1,1,0") })).json.error).toContain("NUMKEYS: got -1 at position 0");
    expect((await ask(handle, PATH, { body: body("0,0,0") })).json.outputs[0]).toMatchObject({ shape: [0], data: [] });
  });

  test("more bytes under way than the server holds: 429, and it recovers", async () => {
    await withServer({ models: [model.source], maxInFlightBytes: 64 * 1024 }, async (small) => {
      const reply = await ask(small, PATH, { body: Buffer.alloc(128 * 1024, 0x20) });
      expect([reply.status, reply.json.error]).toEqual([429, expect.stringContaining("would pass the limit of 65536")]);
      const body = inferText({
        inputs: [
          { ...indices, data: [] },
          { name: "LENGTHS", datatype: "INT32", shape: [0], data: [] },
        ],
      });
      expect((await ask(small, PATH, { body })).status).toBe(200);
    });
  });

  test("more lookups than may queue: 429 and RESOURCE_EXHAUSTED, the others are answered", async () => {
    const engine = { maxQueuedLookups: 1, maxCoalescedLookups: 1, inline: "never" as const, lagBound: 0 };
    await withServer({ models: [{ ...model.source, engine }] }, async (small) => {
      const own = new GrpcClient(small.grpcAddress);
      const bags = randomBags(random, 8000, NUM_ROWS);
      const calls = Array.from({ length: 40 }, () =>
        own.call("ModelInfer", rawInfer("m", bags.indices, bags.lengths)).then(
          () => "ok",
          (error: Error) => error.message,
        ),
      );
      const outcomes = await Promise.all(calls);
      own.close();
      const refused = outcomes.filter((outcome) => outcome !== "ok");
      expect(refused.length).toBeGreaterThan(0);
      expect(refused.length).toBeLessThan(40);
      for (const outcome of refused) expect(outcome).toContain("8 RESOURCE_EXHAUSTED: 1 lookups wait already");
    });
  });
});

describe("deadlines and clients that leave", () => {
  const slow = { maxBatchSize: 2 ** 20, maxResponseBytes: 256 * MIB, maxRequestBytes: 64 * MIB, maxInFlightBytes: 512 * MIB };
  const bags = randomBags(random, 100_000, NUM_ROWS);
  const tensors = [
    { name: "INDICES", datatype: "INT64", shape: [bags.indices.length], values: BigInt64Array.from(bags.indices) },
    { name: "LENGTHS", datatype: "INT32", shape: [bags.lengths.length], values: Int32Array.from(bags.lengths) },
  ];

  test("the timeout parameter in microseconds: 504; a gRPC deadline, and the server's own: DEADLINE_EXCEEDED", async () => {
    await withServer({ models: [model.source], ...slow }, async (own) => {
      const reply = await ask(own, PATH, binaryBody(tensors, { parameters: { timeout: 1, binary_data_output: true } }));
      expect([reply.status, reply.json.error]).toEqual([504, expect.stringContaining("the lookup took more than 0.001 ms")]);
      const other = new GrpcClient(own.grpcAddress);
      expect(await other.refusal("ModelInfer", rawInfer("m", bags.indices, bags.lengths), { timeoutMs: 1 })).toContain(
        "4 DEADLINE_EXCEEDED",
      );
      const timeout = { parameters: { timeout: { int64_param: 1 } } };
      expect(await other.refusal("ModelInfer", rawInfer("m", bags.indices, bags.lengths, timeout))).toContain(
        "4 DEADLINE_EXCEEDED: the lookup took more than 0.001 ms",
      );
      other.close();
      expect((await ask(own, PATH, binaryBody(tensors, { parameters: { timeout: 30_000_000, binary_data_output: true } }))).status).toBe(
        200,
      );
    });
    await withServer({ models: [model.source], ...slow, timeoutMs: 1 }, async (own) => {
      expect((await ask(own, PATH, binaryBody(tensors))).status).toBe(504);
    });
  });

  test("a client that closes its connection in the middle: its bytes are given back, and the server goes on", async () => {
    const { port } = new URL(handle.restUrl);
    for (const sent of [0, 500_000]) {
      await new Promise<void>((resolve, reject) => {
        const socket = connect(Number(port), "127.0.0.1", () => {
          socket.write(`POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n`);
          socket.write(Buffer.alloc(sent));
          setTimeout(() => socket.destroy(), 50);
        });
        socket.once("close", () => resolve());
        socket.once("error", reject);
      });
    }
    for (let tries = 0; tries < 100 && (await heldBytes()) > 0; tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await heldBytes()).toBe(0);
    expect((await ask(handle, "/v2/health/ready")).status).toBe(200);
  });
});
