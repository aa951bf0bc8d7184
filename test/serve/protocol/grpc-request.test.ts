import { loadSync } from "@grpc/proto-loader";
import { describe, expect, test } from "@jest/globals";
import { writeGrpcAnswer } from "#host/serve/protocol/grpc-answer.js";
import { readGrpcRequest } from "#host/serve/protocol/grpc-request.js";
import { RequestError } from "#host/serve/protocol/request-error.js";
import { seededRandom } from "../../cases.js";
import { PROTO } from "../proto.js";

interface Method {
  requestSerialize(message: object): Buffer;
  responseDeserialize(bytes: Buffer): object;
}

/** ModelInfer as a client has it that was made from the .proto. */
const modelInfer = (
  loadSync(PROTO, { keepCase: true, longs: String, defaults: true })["inference.GRPCInferenceService"] as unknown as Record<string, Method>
).ModelInfer;

/** A varint field, one element of a repeated field that is not packed. */
function field(number: number, ...bytes: number[]): number[] {
  return [number * 8, ...bytes];
}

function delimited(number: number, bytes: readonly number[]): number[] {
  return [number * 8 + 2, bytes.length, ...bytes];
}

describe("readGrpcRequest", () => {
  test("reads what a generated client writes: names, shapes, typed contents", () => {
    const request = {
      model_name: "m",
      model_version: "2",
      id: "seven",
      parameters: { timeout: { int64_param: "1500" }, priority: { int64_param: "1" } },
      inputs: [
        { name: "A", datatype: "INT64", shape: ["3"], contents: { int64_contents: ["1", "-1", "9223372036854775807"] } },
        { name: "B", datatype: "INT32", shape: ["1", "2"], contents: { int_contents: [-5, 2147483647] } },
        { name: "C", datatype: "FP32", shape: ["2"], contents: { fp32_contents: [1.5, -0] } },
        { name: "D", datatype: "BYTES", shape: ["1"], contents: { bytes_contents: [Buffer.from("x")] } },
      ],
      outputs: [{ name: "O" }],
    };
    const read = readGrpcRequest(modelInfer.requestSerialize(request));
    expect(read).toMatchObject({ modelName: "m", modelVersion: "2", id: "seven", timeoutMs: 1.5, outputs: [{ name: "O", binary: true }] });
    expect(read.inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape }))).toEqual([
      { name: "A", datatype: "INT64", shape: [3] },
      { name: "B", datatype: "INT32", shape: [1, 2] },
      { name: "C", datatype: "FP32", shape: [2] },
      { name: "D", datatype: "BYTES", shape: [1] },
    ]);
    expect(read.inputs.map(({ data }) => (data.kind === "typed" ? data.fields : []))).toEqual([
      [{ name: "int64_contents", count: 3, values: BigInt64Array.of(1n, -1n, 2n ** 63n - 1n) }],
      [{ name: "int_contents", count: 2, values: Int32Array.of(-5, 2 ** 31 - 1) }],
      [{ name: "fp32_contents", count: 2, values: Float32Array.of(1.5, -0) }],
      [{ name: "bytes_contents", count: 1 }],
    ]);
  });

  test("reads raw contents as views of the message", () => {
    const bytes = modelInfer.requestSerialize({
      model_name: "m",
      inputs: [{ name: "A", datatype: "INT64", shape: ["1"] }],
      raw_input_contents: [Buffer.from([1, 2, 3, 4, 5, 6, 7, 8])],
    });
    const [{ data }] = readGrpcRequest(bytes).inputs;
    if (data.kind !== "raw") throw new Error(`got ${data.kind}`);
    expect([...data.bytes]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(data.bytes.buffer).toBe(bytes.buffer);
  });

  test("reads repeated fields that are not packed, or come in parts", () => {
    const contents = [...field(3, 1), ...delimited(3, [2, 3]), ...field(3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1)];
    const input = [...delimited(1, [0x41]), ...field(3, 4), ...delimited(5, contents)];
    const [read] = readGrpcRequest(Buffer.from(delimited(5, input))).inputs;
    expect(read.shape).toEqual([4]);
    expect(read.data).toEqual({ kind: "typed", fields: [{ name: "int64_contents", count: 4, values: BigInt64Array.of(1n, 2n, 3n, -1n) }] });
  });

  test("refuses contents and raw contents together, and a wrong number of them", () => {
    const inputs = [{ name: "A", datatype: "INT64", shape: ["1"], contents: { int64_contents: ["1"] } }];
    const both = modelInfer.requestSerialize({ inputs, raw_input_contents: [Buffer.alloc(8)] });
    expect(() => readGrpcRequest(both)).toThrow("A: got contents and raw_input_contents, expected one of them");
    const two = modelInfer.requestSerialize({ inputs, raw_input_contents: [Buffer.alloc(8), Buffer.alloc(8)] });
    expect(() => readGrpcRequest(two)).toThrow("raw_input_contents: got 2, expected 1");
  });

  test("refuses what would cost more than it says: thousands of inputs, of dimensions, of raw contents", () => {
    expect(() => readGrpcRequest(Buffer.alloc(2000, Buffer.from([5 * 8 + 2, 0])))).toThrow("inputs: got more than 64");
    expect(() => readGrpcRequest(Buffer.alloc(2000, Buffer.from([7 * 8 + 2, 0])))).toThrow("raw_input_contents: got more than 64");
    const shape = [...delimited(3, new Array(100).fill(1))];
    expect(() => readGrpcRequest(Buffer.from(delimited(5, shape)))).toThrow("expected at most 8 sizes");
  });

  test("answers any bytes with a request or a RequestError, seeded", () => {
    const random = seededRandom(20);
    const valid = modelInfer.requestSerialize({
      model_name: "model",
      inputs: [{ name: "A", datatype: "INT64", shape: ["3"], contents: { int64_contents: ["1", "2", "3"] } }],
      raw_input_contents: [Buffer.alloc(24)],
    });
    for (let n = 0; n < 20_000; n += 1) {
      const bytes =
        n % 2 === 0 ? Buffer.from(valid) : Buffer.from(Array.from({ length: 1 + Math.floor(random() * 60) }, () => random() * 256));
      const changes = 1 + Math.floor(random() * 4);
      for (let c = 0; c < changes; c += 1) bytes[Math.floor(random() * bytes.length)] = random() * 256;
      try {
        readGrpcRequest(bytes.subarray(0, 1 + Math.floor(random() * bytes.length)));
      } catch (error) {
        expect(error).toBeInstanceOf(RequestError);
      }
    }
  });
});

describe("writeGrpcAnswer", () => {
  test("writes what a generated client reads", () => {
    const long = "x".repeat(300);
    const bytes = writeGrpcAnswer({
      modelName: "m",
      modelVersion: "1",
      id: long,
      outputs: [
        { name: "O", datatype: "FP32", shape: [2, 300], parts: [Float32Array.of(1, 2), Float32Array.from({ length: 598 }, (_, n) => n)] },
      ],
    });
    const read = modelInfer.responseDeserialize(bytes) as { raw_output_contents: Buffer[]; outputs: object[] };
    expect(read).toMatchObject({ model_name: "m", model_version: "1", id: long });
    expect(read.outputs).toMatchObject([{ name: "O", datatype: "FP32", shape: ["2", "300"], contents: null }]);
    const [raw] = read.raw_output_contents;
    expect(raw.length).toBe(2400);
    expect([raw.readFloatLE(4), raw.readFloatLE(8), raw.readFloatLE(2396)]).toEqual([2, 0, 597]);
  });
});
