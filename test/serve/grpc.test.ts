import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ServeHandle } from "lagbag/serve";
import { seededRandom } from "../cases.js";
import { GrpcClient, type Reply, rawInfer, typedInfer } from "./grpc-client.js";
import { floatsOf } from "./rest-client.js";
import { bitsOf, NUM_ROWS, randomBags, serveSomewhere, testModel } from "./serving.js";

const random = seededRandom(52);
const dlrm = testModel(random, "dlrm");
const hps = testModel(random, "hps", { shapes: ["hps", "pooled"], version: "2" });
let handle: ServeHandle;
let client: GrpcClient;

beforeAll(async () => {
  handle = await serveSomewhere({ models: [dlrm.source, hps.source] });
  await handle.ready;
  client = new GrpcClient(handle.grpcAddress);
});
afterAll(async () => {
  client.close();
  await handle.close();
});

describe("gRPC, what is told", () => {
  test("ServerLive, ServerReady, ModelReady, ServerMetadata", async () => {
    expect(await client.call("ServerLive")).toEqual({ live: true });
    expect(await client.call("ServerReady")).toEqual({ ready: true });
    expect(await client.call("ModelReady", { name: "dlrm" })).toEqual({ ready: true });
    expect(await client.call("ModelReady", { name: "hps", version: "2" })).toEqual({ ready: true });
    expect(await client.call("ServerMetadata")).toMatchObject({
      name: "lagbag",
      extensions: expect.arrayContaining(["binary_tensor_data"]),
    });
  });

  test("ModelMetadata, ModelConfig, ModelStatistics, RepositoryIndex", async () => {
    expect(await client.call("ModelMetadata", { name: "hps" })).toEqual({
      name: "hps",
      versions: ["2"],
      platform: "lagbag",
      inputs: [
        { name: "KEYS", datatype: "INT64", shape: ["1", "-1"] },
        { name: "NUMKEYS", datatype: "INT32", shape: ["1", "3"] },
      ],
      outputs: [{ name: "OUTPUT0", datatype: "FP32", shape: ["-1"] }],
    });
    const { config } = await client.call("ModelConfig", { name: "dlrm" });
    expect(config).toMatchObject({ name: "dlrm", backend: "lagbag", version_policy: { specific: { versions: ["1"] } }, max_batch_size: 0 });
    expect(config.input).toContainEqual({ name: "WEIGHTS", data_type: "TYPE_FP32", dims: ["-1"], optional: true });
    expect(config.parameters.tables.string_value).toBe("users=100x5,items=37x16,places=4x3");
    await client.call("ModelInfer", typedInfer("dlrm", [1n], [1, 0, 0]));
    const { model_stats } = await client.call("ModelStatistics", { name: "dlrm", version: "1" });
    expect(Number(model_stats[0].inference_count)).toBeGreaterThanOrEqual(1);
    expect(Number(model_stats[0].inference_stats.success.ns)).toBeGreaterThan(0);
    expect((await client.call("ModelStatistics")).model_stats.map((one: Reply) => one.name)).toEqual(["dlrm", "hps"]);
    const models = [
      { name: "dlrm", version: "1", state: "READY", reason: "" },
      { name: "hps", version: "2", state: "READY", reason: "" },
    ];
    expect(await client.call("RepositoryIndex")).toEqual({ models });
    expect(await client.call("RepositoryIndex", { ready: true })).toEqual({ models });
  });
});

describe("gRPC, inference", () => {
  test.each([
    ["typed", typedInfer],
    ["raw", rawInfer],
  ])("answers %s contents raw, with the reference's bits", async (_, make) => {
    for (const batchSize of [0, 1, 17]) {
      const bags = randomBags(random, batchSize, NUM_ROWS);
      const reply = await client.call("ModelInfer", make("dlrm", bags.indices, bags.lengths, { id: "abc", outputs: [{ name: "POOLED" }] }));
      expect(reply).toMatchObject({ model_name: "dlrm", model_version: "1", id: "abc" });
      expect(reply.outputs).toMatchObject([{ name: "POOLED", datatype: "FP32", shape: [String(batchSize), "24"], contents: null }]);
      expect(bitsOf(floatsOf(reply.raw_output_contents[0]))).toEqual(bitsOf(dlrm.pooled({ batchSize, ...bags })));
    }
  });

  test("answers weights, and HPS keys", async () => {
    const bags = randomBags(random, 3, NUM_ROWS);
    const weights = [...Float32Array.from(bags.indices, () => random())];
    const typed = typedInfer("dlrm", bags.indices, bags.lengths) as { inputs: object[] };
    typed.inputs.push({ name: "WEIGHTS", datatype: "FP32", shape: [weights.length], contents: { fp32_contents: weights } });
    const weighted = await client.call("ModelInfer", typed);
    expect(bitsOf(floatsOf(weighted.raw_output_contents[0]))).toEqual(bitsOf(dlrm.pooled({ batchSize: 3, ...bags, weights })));

    const request = {
      model_name: "hps",
      inputs: [
        { name: "KEYS", datatype: "INT64", shape: [1, 3] },
        { name: "NUMKEYS", datatype: "INT32", shape: [1, 3] },
      ],
      raw_input_contents: [Buffer.from(BigInt64Array.of(7n, 2n, 3n).buffer), Buffer.from(Int32Array.of(1, 0, 2).buffer)],
    };
    const rows = await client.call("ModelInfer", request);
    expect(rows.outputs).toMatchObject([{ name: "OUTPUT0", shape: ["11"] }]);
    expect(bitsOf(floatsOf(rows.raw_output_contents[0]))).toEqual(bitsOf(hps.rows([[7n], [], [2n, 3n]])));
  });

  test("streams: an answer for each request, an error for each that fails", async () => {
    const stream = client.stream();
    const batches = Array.from({ length: 200 }, (_, n) => ({ batchSize: 1 + (n % 5), ...randomBags(random, 1 + (n % 5), NUM_ROWS) }));
    const replies = new Map<string, Reply>();
    const errors: string[] = [];
    const over = new Promise<void>((resolve, reject) => {
      stream.on("data", (reply: Reply) => {
        if (reply.error_message === "") replies.set(reply.infer_response.id, reply.infer_response);
        else errors.push(reply.error_message);
      });
      stream.on("end", resolve);
      stream.on("error", reject);
    });
    for (const [n, bags] of batches.entries()) stream.write(rawInfer("dlrm", bags.indices, bags.lengths, { id: String(n) }));
    stream.write(rawInfer("dlrm", [1000n], [1, 0, 0]));
    stream.end();
    await over;
    expect(errors).toEqual([expect.stringContaining("got 1000, expected 0 <= index < 100")]);
    for (const [n, bags] of batches.entries()) {
      expect(bitsOf(floatsOf(replies.get(String(n)).raw_output_contents[0]))).toEqual(bitsOf(dlrm.pooled(bags)));
    }
  });
});

describe("gRPC, what is refused", () => {
  test.each([
    ["an index past the table", typedInfer("dlrm", [100n], [1, 0, 0]), 'INVALID_ARGUMENT: indices[0] (feature "users", sample 0): got 100'],
    ["an unknown model", typedInfer("none", [], []), '5 NOT_FOUND: model: got "none", expected one of dlrm, hps'],
    ["an unknown version", typedInfer("dlrm", [], [], { model_version: "7" }), '5 NOT_FOUND: model "dlrm": got version "7", expected 1'],
    [
      "an unknown output",
      typedInfer("dlrm", [], [], { outputs: [{ name: "X" }] }),
      '3 INVALID_ARGUMENT: outputs: got "X", expected POOLED',
    ],
    [
      "a shape of another size",
      { model_name: "dlrm", inputs: [{ name: "INDICES", datatype: "INT64", shape: [3] }], raw_input_contents: [Buffer.alloc(8)] },
      "3 INVALID_ARGUMENT: inputs: got INDICES, expected LENGTHS",
    ],
    [
      "raw bytes that are too few",
      { ...rawInfer("dlrm", [1n], [1, 0, 0]), raw_input_contents: [Buffer.alloc(7), Buffer.alloc(12)] },
      "INDICES: got 7 bytes, expected 8",
    ],
    [
      "a wrong datatype",
      {
        model_name: "dlrm",
        inputs: [
          { name: "INDICES", datatype: "FP64", shape: [1], contents: { fp64_contents: [1] } },
          { name: "LENGTHS", datatype: "INT32", shape: [0] },
        ],
      },
      'INDICES: got datatype "FP64"',
    ],
    ["a negative size", { model_name: "dlrm", inputs: [{ name: "INDICES", datatype: "INT64", shape: [-1] }] }, "INDICES: got shape [-1]"],
    [
      "a huge size",
      { model_name: "dlrm", inputs: [{ name: "INDICES", datatype: "INT64", shape: ["9223372036854775807"] }] },
      "shape: got 9223372036854775807, expected less than 2^53",
    ],
  ])("%s", async (_, request, message) => {
    expect(await client.refusal("ModelInfer", request)).toContain(message);
  });

  test("names of no model in every RPC that takes one", async () => {
    for (const method of ["ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"]) {
      expect(await client.refusal(method, { name: "none" })).toContain("5 NOT_FOUND");
    }
  });

  test("a client that cancels gets CANCELLED, and the next call works", async () => {
    const bags = randomBags(random, 4096, NUM_ROWS);
    const cancelled = new Promise<string>((resolve) => {
      const call = (client.stub.ModelInfer as unknown as (request: object, done: (error: Error) => void) => { cancel(): void }).call(
        client.stub,
        rawInfer("dlrm", bags.indices, bags.lengths),
        (error: Error) => resolve(error.message),
      );
      call.cancel();
    });
    expect(await cancelled).toContain("CANCELLED");
    expect((await client.call("ServerLive")).live).toBe(true);
  });
});
