import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ServeHandle } from "lagbag/serve";
import { seededRandom } from "../cases.js";
import { ask, binaryBody, floatsOf, inferText } from "./rest-client.js";
import { bitsOf, NUM_ROWS, randomBags, serveSomewhere, testModel, withServer } from "./serving.js";

const random = seededRandom(51);
const dlrm = testModel(random, "dlrm");
const hps = testModel(random, "hps", { shapes: ["hps", "pooled"], version: "3" });
const mean = testModel(random, "poolings", {
  features: [
    { name: "u", table: "users", pooling: "mean" },
    { name: "i", table: "items", pooling: "max" },
    { name: "u2", table: "users", paddingIndex: 0 },
  ],
});
let handle: ServeHandle;

beforeAll(async () => {
  handle = await serveSomewhere({ models: [dlrm.source, hps.source, mean.source] });
  await handle.ready;
});
afterAll(() => handle.close());

describe("REST, what is told", () => {
  test("server metadata, health with both keys, and readiness of models", async () => {
    const { json } = await ask(handle, "/v2");
    expect(json).toMatchObject({ name: "lagbag", version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect(json.extensions).toContain("binary_tensor_data");
    for (const path of ["/v2/health/live", "/v2/health/ready"]) {
      expect(await ask(handle, path)).toMatchObject({ status: 200, json: { live: true, ready: true } });
    }
    expect(await ask(handle, "/v2/models/dlrm/ready")).toMatchObject({ status: 200, json: { name: "dlrm", ready: true } });
    expect((await ask(handle, "/v2/models/hps/versions/3/ready")).status).toBe(200);
  });

  test("model metadata of both shapes", async () => {
    const pooled = {
      name: "dlrm",
      versions: ["1"],
      platform: "lagbag",
      inputs: [
        { name: "INDICES", datatype: "INT64", shape: [-1] },
        { name: "LENGTHS", datatype: "INT32", shape: [-1] },
        { name: "WEIGHTS", datatype: "FP32", shape: [-1] },
      ],
      outputs: [{ name: "POOLED", datatype: "FP32", shape: [-1, 24] }],
    };
    expect((await ask(handle, "/v2/models/dlrm")).json).toEqual(pooled);
    expect((await ask(handle, "/v2/models/dlrm/versions/1")).json).toEqual(pooled);
    expect((await ask(handle, "/v2/models/hps")).json).toMatchObject({
      versions: ["3"],
      inputs: [
        { name: "KEYS", datatype: "INT64", shape: [1, -1] },
        { name: "NUMKEYS", datatype: "INT32", shape: [1, 3] },
      ],
      outputs: [{ name: "OUTPUT0", datatype: "FP32", shape: [-1] }],
    });
  });

  test("model configuration and the repository's index", async () => {
    const { json } = await ask(handle, "/v2/models/dlrm/config");
    expect(json).toMatchObject({ name: "dlrm", backend: "lagbag", max_batch_size: 0, version_policy: { specific: { versions: [1] } } });
    expect(json.input).toContainEqual({ name: "WEIGHTS", data_type: "TYPE_FP32", dims: [-1], optional: true });
    const index = ["dlrm", "hps", "poolings"].map((name) => ({ name, version: name === "hps" ? "3" : "1", state: "READY", reason: "" }));
    expect((await ask(handle, "/v2/repository/index", { body: {} })).json).toEqual(index);
    expect((await ask(handle, "/v2/repository/index", { method: "POST" })).json).toEqual(index);
    expect((await ask(handle, "/v2/repository/index", { body: { ready: true } })).json).toEqual(index);
    expect((await ask(handle, "/v2/repository/models/dlrm/load", { body: {} })).status).toBe(501);
  });

  test("statistics count requests that worked, requests that failed, and samples", async () => {
    const of = async (path: string) => (await ask(handle, path)).json.model_stats;
    const [before] = await of("/v2/models/dlrm/stats");
    const inputs = [
      { name: "INDICES", datatype: "INT64", shape: [1], data: [5] },
      { name: "LENGTHS", datatype: "INT32", shape: [6], data: [0, 1, 0, 0, 0, 0] },
    ];
    expect((await ask(handle, "/v2/models/dlrm/infer", { body: inferText({ inputs }) })).status).toBe(200);
    expect((await ask(handle, "/v2/models/dlrm/infer", { body: inferText({ inputs: inputs.slice(1) }) })).status).toBe(400);
    const [after] = await of("/v2/models/dlrm/versions/1/stats");
    expect(after.inference_count - before.inference_count).toBe(2);
    expect(after.inference_stats.success.count - before.inference_stats.success.count).toBe(1);
    expect(after.inference_stats.fail.count - before.inference_stats.fail.count).toBe(1);
    expect(after.execution_count).toBeGreaterThan(before.execution_count);
    expect(after.last_inference).toBeGreaterThan(Date.now() - 60_000);
    expect((await of("/v2/models/stats")).map((one: { name: string }) => one.name)).toEqual(["dlrm", "hps", "poolings"]);
  });
});

describe("REST, pooled", () => {
  const tensors = (bags: { indices: bigint[]; lengths: number[] }) => [
    { name: "INDICES", datatype: "INT64", shape: [bags.indices.length], data: bags.indices },
    { name: "LENGTHS", datatype: "INT32", shape: [bags.lengths.length], data: bags.lengths },
  ];

  test.each([1, 2, 33])("answers JSON with the reference's bits, batch of %d", async (batchSize) => {
    const bags = randomBags(random, batchSize, NUM_ROWS);
    const { json, status } = await ask(handle, "/v2/models/dlrm/infer", { body: inferText({ inputs: tensors(bags), more: '"id":"a1"' }) });
    expect({ status, id: json.id, name: json.model_name, version: json.model_version }).toEqual({
      status: 200,
      id: "a1",
      name: "dlrm",
      version: "1",
    });
    expect(json.outputs).toMatchObject([{ name: "POOLED", datatype: "FP32", shape: [batchSize, 24] }]);
    expect(bitsOf(Float32Array.from(json.outputs[0].data))).toEqual(bitsOf(dlrm.pooled({ batchSize, ...bags })));
  });

  test("answers binary tensors with binary data, INT32 indices and weights too", async () => {
    const batchSize = 9;
    const bags = randomBags(random, batchSize, NUM_ROWS);
    const weights = Float32Array.from(bags.indices, () => random());
    const { body, headers } = binaryBody(
      [
        { name: "WEIGHTS", datatype: "FP32", shape: [weights.length], values: weights },
        { name: "INDICES", datatype: "INT32", shape: [weights.length], values: Int32Array.from(bags.indices, Number) },
        { name: "LENGTHS", datatype: "INT32", shape: [bags.lengths.length], values: Int32Array.from(bags.lengths) },
      ],
      { outputs: [{ name: "POOLED", parameters: { binary_data: true } }] },
    );
    const { bytes, json, headers: given } = await ask(handle, "/v2/models/dlrm/versions/1/infer", { body, headers });
    expect(given.get("content-type")).toBe("application/octet-stream");
    expect(json.outputs).toEqual([
      { name: "POOLED", datatype: "FP32", shape: [batchSize, 24], parameters: { binary_data_size: bytes.length } },
    ]);
    expect(bitsOf(floatsOf(bytes))).toEqual(bitsOf(dlrm.pooled({ batchSize, ...bags, weights: [...weights] })));
  });

  test("mixes binary and JSON tensors, and asks for all outputs as binary data", async () => {
    const bags = randomBags(random, 3, NUM_ROWS);
    const indices = BigInt64Array.from(bags.indices);
    const head = Buffer.from(
      JSON.stringify({
        parameters: { binary_data_output: true },
        inputs: [
          { name: "LENGTHS", datatype: "INT32", shape: [9], data: bags.lengths },
          { name: "INDICES", datatype: "INT64", shape: [indices.length], parameters: { binary_data_size: indices.byteLength } },
        ],
      }),
    );
    const reply = await ask(handle, "/v2/models/dlrm/infer", {
      body: Buffer.concat([head, Buffer.from(indices.buffer)]),
      headers: { "inference-header-content-length": String(head.length) },
    });
    expect(bitsOf(floatsOf(reply.bytes))).toEqual(bitsOf(dlrm.pooled({ batchSize: 3, ...bags })));
  });

  test("pools as the model's features say", async () => {
    const bags = randomBags(random, 5, [100, 37, 100]);
    const { json } = await ask(handle, "/v2/models/poolings/infer", { body: inferText({ inputs: tensors(bags) }) });
    expect(bitsOf(Float32Array.from(json.outputs[0].data))).toEqual(bitsOf(mean.pooled({ batchSize: 5, ...bags })));
  });

  test("answers a batch of none, and bags that are all empty", async () => {
    const none = await ask(handle, "/v2/models/dlrm/infer", { body: inferText({ inputs: tensors({ indices: [], lengths: [] }) }) });
    expect(none.json.outputs).toMatchObject([{ shape: [0, 24], data: [] }]);
    const empty = await ask(handle, "/v2/models/dlrm/infer", { body: inferText({ inputs: tensors({ indices: [], lengths: [0, 0, 0] }) }) });
    expect(empty.json.outputs[0].data).toEqual(new Array(24).fill(0));
  });

  test("answers requests that come together, each with its own rows", async () => {
    const batches = Array.from({ length: 64 }, (_, n) => ({ batchSize: 1 + (n % 7), ...randomBags(random, 1 + (n % 7), NUM_ROWS) }));
    const replies = await Promise.all(
      batches.map((bags) => ask(handle, "/v2/models/dlrm/infer", { body: inferText({ inputs: tensors(bags) }) })),
    );
    for (const [n, { json }] of replies.entries()) {
      expect(bitsOf(Float32Array.from(json.outputs[0].data))).toEqual(bitsOf(dlrm.pooled(batches[n])));
    }
  });
});

describe("REST, HPS", () => {
  test("answers a request as NVIDIA's notebooks send it", async () => {
    const keys = [[3n, 3n, 99n], [36n], [0n, 1n]];
    const inputs = [
      { name: "KEYS", datatype: "INT64", shape: [1, 6], data: keys.flat() },
      { name: "NUMKEYS", datatype: "INT32", shape: [1, 3], data: [3, 1, 2] },
    ];
    const { json } = await ask(handle, "/v2/models/hps/infer", {
      body: inferText({ inputs, more: '"id":"1","outputs":[{"name":"OUTPUT0"}]' }),
    });
    expect(json.outputs).toMatchObject([{ name: "OUTPUT0", datatype: "FP32", shape: [3 * 5 + 16 + 2 * 3] }]);
    expect(bitsOf(Float32Array.from(json.outputs[0].data))).toEqual(bitsOf(hps.rows(keys)));
  });

  test("answers tables without keys, flat shapes, and binary data", async () => {
    const keys = [[], [5n, 6n], []];
    const { body, headers } = binaryBody(
      [
        { name: "KEYS", datatype: "INT64", shape: [2], values: BigInt64Array.of(5n, 6n) },
        { name: "NUMKEYS", datatype: "INT32", shape: [3], values: Int32Array.of(0, 2, 0) },
      ],
      { parameters: { binary_data_output: true } },
    );
    const { bytes, json } = await ask(handle, "/v2/models/hps/versions/3/infer", { body, headers });
    expect(json.outputs[0].shape).toEqual([32]);
    expect(bitsOf(floatsOf(bytes))).toEqual(bitsOf(hps.rows(keys)));
  });

  test("takes the pooled shape as well", async () => {
    const bags = randomBags(random, 4, NUM_ROWS);
    const inputs = [
      { name: "INDICES", datatype: "INT64", shape: [bags.indices.length], data: bags.indices },
      { name: "LENGTHS", datatype: "INT32", shape: [12], data: bags.lengths },
    ];
    const { json } = await ask(handle, "/v2/models/hps/infer", { body: inferText({ inputs }) });
    expect(bitsOf(Float32Array.from(json.outputs[0].data))).toEqual(bitsOf(hps.pooled({ batchSize: 4, ...bags })));
  });
});

describe("REST, tables with keys", () => {
  const LONG = 2n ** 62n + 12345678901n;
  const keyed = (missingKey: "default" | "error") => ({
    name: missingKey,
    tables: [
      {
        name: "a",
        numRows: 3,
        dim: 2,
        rows: Float32Array.of(1, 2, 3, 4, 5, 6),
        keys: BigInt64Array.of(LONG, -5n, 7n),
        defaultRow: Float32Array.of(-1, -2),
        missingKey,
      },
      { name: "b", numRows: 2, dim: 1, rows: Float32Array.of(8, 9), keys: BigInt64Array.of(1n, 2n), missingKey },
    ],
  });
  const asked = (keys: bigint[]) => ({
    body: inferText({
      inputs: [
        { name: "KEYS", datatype: "INT64", shape: [1, keys.length + 1], data: [...keys, 2n] },
        { name: "NUMKEYS", datatype: "INT32", shape: [1, 2], data: [keys.length, 1] },
      ],
    }),
  });

  test("are asked in both shapes, HPS first; 64-bit keys keep every bit; a missing key gives the default row", async () => {
    await withServer({ models: [keyed("default")] }, async (server) => {
      expect((await ask(server, "/v2/models/default")).json.inputs[0].name).toBe("KEYS");
      const { json } = await ask(server, "/v2/models/default/infer", asked([LONG, LONG + 1n, -5n]));
      expect(json.outputs).toMatchObject([{ name: "OUTPUT0", shape: [7], data: [1, 2, -1, -2, 3, 4, 9] }]);
      const pooled = {
        inputs: [
          { name: "INDICES", datatype: "INT64", shape: [3], data: [LONG, 7n, 1n] },
          { name: "LENGTHS", datatype: "INT32", shape: [2], data: [2, 1] },
        ],
      };
      expect((await ask(server, "/v2/models/default/infer", { body: inferText(pooled) })).json.outputs[0].data).toEqual([6, 8, 8]);
    });
  });

  test("a missing key is a 400 that names it, where the table says so", async () => {
    await withServer({ models: [keyed("error")] }, async (server) => {
      const { status, json } = await ask(server, "/v2/models/error/infer", asked([LONG + 1n]));
      expect([status, json.error]).toEqual([400, expect.stringContaining(String(LONG + 1n))]);
    });
  });
});

describe("REST, what is refused", () => {
  const one = (more: object = {}) => ({
    INDICES: { name: "INDICES", datatype: "INT64", shape: [1], data: [1n] as (bigint | number)[] },
    LENGTHS: { name: "LENGTHS", datatype: "INT32", shape: [3], data: [1, 0, 0] },
    ...more,
  });
  const refused = async (inputs: object, more?: string) => {
    const given = Object.values(inputs).filter((input) => input !== undefined);
    const { status, json } = await ask(handle, "/v2/models/dlrm/infer", {
      body: inferText({ inputs: given, ...(more === undefined ? {} : { more }) }),
    });
    return `${status} ${json.error}`;
  };

  test.each([
    [
      "an index past the table",
      { INDICES: { ...one().INDICES, data: [100] } },
      '400 indices[0] (feature "users", sample 0): got 100, expected 0 <= index < 100',
    ],
    ["a negative index", { INDICES: { ...one().INDICES, data: [-1] } }, "400 indices[0]"],
    ["the largest index", { INDICES: { ...one().INDICES, data: [2n ** 63n - 1n] } }, "got 9223372036854775807"],
    ["a wrong datatype", { INDICES: { ...one().INDICES, datatype: "FP32" } }, '400 INDICES: got datatype "FP32", expected INT64 or INT32'],
    ["lengths of 64 bits", { LENGTHS: { ...one().LENGTHS, datatype: "INT64" } }, '400 LENGTHS: got datatype "INT64", expected INT32'],
    ["no lengths", { LENGTHS: undefined }, "400 inputs: got INDICES, expected LENGTHS as well (INT32)"],
    [
      "an unknown input",
      { X: { name: "X", datatype: "INT64", shape: [0], data: [] } },
      '400 inputs: got "X", expected INDICES, LENGTHS, WEIGHTS (optional)',
    ],
    ["an input twice", { X: { ...one().INDICES } }, '400 inputs: got "INDICES" twice'],
    [
      "lengths that add up to more",
      { LENGTHS: { ...one().LENGTHS, data: [1, 1, 0] } },
      "400 LENGTHS: got a sum of 2 up to position 1, expected 1 in all",
    ],
    ["lengths that add up to less", { LENGTHS: { ...one().LENGTHS, data: [0, 0, 0] } }, "400 LENGTHS: got a sum of 0, expected 1"],
    ["a length below 0", { LENGTHS: { ...one().LENGTHS, data: [2, -1, 0] } }, "400 LENGTHS: got a sum of 2"],
    ["the largest length", { LENGTHS: { ...one().LENGTHS, data: [2147483647, 0, 0] } }, "400 LENGTHS: got a sum of 2147483647"],
    ["lengths past 32 bits", { LENGTHS: { ...one().LENGTHS, data: [2 ** 31, 0, 0] } }, "400 LENGTHS: got 2147483648 at position 0"],
    [
      "lengths that fit no batch",
      { LENGTHS: { ...one().LENGTHS, shape: [4], data: [1, 0, 0, 0] } },
      "400 LENGTHS: got 4 values, expected a multiple of 3",
    ],
    ["a weight too few", { WEIGHTS: { name: "WEIGHTS", datatype: "FP32", shape: [0], data: [] } }, "400 WEIGHTS: got 0 values, expected 1"],
    ["a shape of two dimensions", { INDICES: { ...one().INDICES, shape: [1, 1] } }, "400 INDICES: got shape [1, 1], expected [-1]"],
    ["a huge shape", { INDICES: { ...one().INDICES, shape: [2 ** 40] } }, "400 INDICES: got shape [1099511627776]"],
  ])("%s", async (_, change, message) => {
    expect(await refused(one(change))).toContain(message);
  });

  test("unknown outputs, unknown models and versions, unknown endpoints, other methods", async () => {
    expect(await refused(one(), '"outputs":[{"name":"OUTPUT0"}]')).toBe('400 outputs: got "OUTPUT0", expected POOLED');
    const body = inferText({ inputs: [one().INDICES, one().LENGTHS] });
    expect(await ask(handle, "/v2/models/none/infer", { body })).toMatchObject({
      status: 404,
      json: { error: expect.stringContaining('got "none", expected one of dlrm, hps') },
    });
    expect(await ask(handle, "/v2/models/hps/versions/1/infer", { body })).toMatchObject({
      status: 404,
      json: { error: 'model "hps": got version "1", expected 3' },
    });
    for (const path of [
      "/v2/models/none",
      "/v2/models/none/ready",
      "/v2/models/none/config",
      "/v2/models/none/stats",
      "/v3",
      "/v2/models/dlrm/generate",
    ]) {
      expect((await ask(handle, path)).status).toBe(404);
    }
    expect((await ask(handle, "/v2/models/dlrm/infer")).status).toBe(404);
  });

  test("weights for features that are not summed", async () => {
    const inputs = [one().INDICES, one().LENGTHS, { name: "WEIGHTS", datatype: "FP32", shape: [1], data: [1] }];
    const { status, json } = await ask(handle, "/v2/models/poolings/infer", { body: inferText({ inputs }) });
    expect([status, json.error]).toEqual([400, 'weights: feature "u" is pooled by mean, weights go with sum only']);
  });

  test("a broken header length, and bytes that are no JSON", async () => {
    const { body } = binaryBody([]);
    for (const [length, message] of [
      ["x", "Inference-Header-Content-Length"],
      ["-1", "Inference-Header-Content-Length"],
      ["99999", "expected at most the body's"],
      ["3", "body: not JSON"],
      ["0", "body: not JSON"],
    ]) {
      const reply = await ask(handle, "/v2/models/dlrm/infer", { body, headers: { "inference-header-content-length": length } });
      expect(reply.status).toBe(400);
      expect(reply.json.error).toContain(message);
    }
    expect((await ask(handle, "/v2/models/dlrm/infer", { method: "POST" })).status).toBe(400);
  });
});
