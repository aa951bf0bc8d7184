import { describe, expect, test } from "@jest/globals";
import { writeRestAnswer } from "#host/serve/protocol/rest-answer.js";
import { RestRequestReader } from "#host/serve/protocol/rest-request.js";

const reader = new RestRequestReader({ maxJsonBytes: 4096 });

function body(json: unknown, ...binary: Uint8Array[]): { bytes: Buffer; header: number } {
  const head = Buffer.from(typeof json === "string" ? json : JSON.stringify(json));
  return { bytes: Buffer.concat([head, ...binary]), header: head.length };
}

function input(more: object): object {
  return { inputs: [{ name: "A", datatype: "INT64", shape: [1], ...more }] };
}

describe("readRestRequest", () => {
  test("cuts binary data by its sizes, in the tensors' order, JSON tensors between", () => {
    const { bytes, header } = body(
      {
        id: "a",
        parameters: { binary_data_output: true, timeout: 2500 },
        inputs: [
          { name: "A", datatype: "INT64", shape: [1], parameters: { binary_data_size: 8 } },
          { name: "B", datatype: "INT32", shape: [1], data: [5] },
          { name: "C", datatype: "INT32", shape: [1], parameters: { binary_data_size: 4 } },
        ],
        outputs: [{ name: "X" }, { name: "Y", parameters: { binary_data: false } }],
      },
      Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]),
      Buffer.from([9, 9, 9, 9]),
    );
    const read = reader.read(bytes, header);
    expect(read).toMatchObject({ id: "a", timeoutMs: 2.5, binaryOutput: true });
    expect(read.outputs).toEqual([
      { name: "X", binary: true },
      { name: "Y", binary: false },
    ]);
    const data = read.inputs.map((one) => (one.data.kind === "raw" ? [...one.data.bytes] : one.data));
    expect(data).toEqual([[1, 2, 3, 4, 5, 6, 7, 8], { kind: "json", value: [5] }, [9, 9, 9, 9]]);
  });

  test.each([
    ["a header longer than the body", input({ data: [1] }), 100_000, "expected at most the body's"],
    ["binary data that is not there", input({ parameters: { binary_data_size: 8 } }), undefined, "got binary_data_size 8, expected 0 to 0"],
    ["a size below 0", input({ parameters: { binary_data_size: -8 } }), undefined, "got binary_data_size -8"],
    [
      "a size past 2^53",
      input({ parameters: { binary_data_size: 2 ** 60 } }),
      undefined,
      "got binary_data_size 1152921504606847000, expected a whole number from 0",
    ],
    ["data and binary data", input({ data: [1], parameters: { binary_data_size: 0 } }), undefined, "got data and binary_data_size"],
    ["no data", input({}), undefined, "got no data"],
    [
      "shared memory",
      input({ data: [1], parameters: { shared_memory_region: "x" } }),
      undefined,
      "shared memory regions are not supported",
    ],
    ["no inputs", {}, undefined, "inputs: got undefined, expected an array"],
    ["inputs that are none", { inputs: [3] }, undefined, "inputs[0]: got 3, expected an object"],
    ["too many inputs", { inputs: new Array(65).fill({}) }, undefined, "inputs: got 65, expected at most 64"],
    ["a name that is none", { inputs: [{ name: 1 }] }, undefined, "inputs[0].name: got 1"],
    ["a shape that is none", { inputs: [{ name: "A", datatype: "INT64", shape: "1" }] }, undefined, 'A: got shape "1"'],
    ["a timeout below 0", { inputs: [], parameters: { timeout: -1 } }, undefined, "parameters.timeout: got -1"],
    ["an array", [], undefined, "body: got an array, expected an object"],
    ["no JSON", "{", undefined, "body: not JSON"],
    ["nothing", "", undefined, "body: not JSON"],
  ])("refuses %s", (_, json, headerBytes, message) => {
    const { bytes, header } = body(json);
    expect(() => reader.read(bytes, headerBytes ?? header)).toThrow(message);
  });

  test("remembers heads without values: the same head twice, other data each time; heads with values are read anew", () => {
    const json = { id: "x", inputs: [{ name: "A", datatype: "INT32", shape: [1], parameters: { binary_data_size: 4 } }] };
    for (const value of [1, 2, 3]) {
      const { bytes, header } = body(json, Uint8Array.of(value, 0, 0, 0));
      const [{ data }] = reader.read(bytes, header).inputs;
      expect(data.kind === "raw" && [...data.bytes]).toEqual([value, 0, 0, 0]);
    }
    const { bytes, header } = body(json, new Uint8Array(3));
    expect(() => reader.read(bytes, header)).toThrow("A: got binary_data_size 4, expected 0 to 3");
    for (let n = 0; n < 600; n += 1) {
      const other = body({ id: String(n), inputs: [] });
      expect(reader.read(other.bytes, other.header).id).toBe(String(n));
      const values = body(input({ data: [n] }));
      expect(reader.read(values.bytes, values.header).inputs[0].data).toEqual({ kind: "json", value: [n] });
    }
  });

  test("refuses bytes that belong to no tensor, and JSON past its limit", () => {
    const { bytes, header } = body(input({ parameters: { binary_data_size: 8 } }), Buffer.alloc(9));
    expect(() => reader.read(bytes, header)).toThrow("got 9 bytes after the JSON, expected 8");
    expect(() => reader.read(Buffer.alloc(5000, 0x20), undefined)).toThrow("JSON: got 5000 bytes, expected at most 4096");
  });
});

describe("writeRestAnswer", () => {
  const answer = (...values: number[]) => ({
    modelName: 'm"',
    modelVersion: "1",
    id: undefined,
    outputs: [{ name: "O", datatype: "FP32" as const, shape: [1, values.length], parts: [new Float32Array(0), Float32Array.from(values)] }],
  });

  test("writes floats such that their bits come back, -0 too", () => {
    const values = Float32Array.of(-0, 0.1, 1.17549435e-38, 3.4028234663852886e38, -1.4e-45, 16777217);
    const { body: json, headerBytes } = writeRestAnswer(answer(...values), false);
    expect(headerBytes).toBeUndefined();
    const read = JSON.parse(json.toString()) as { model_name: string; outputs: { data: number[] }[] };
    expect(read.model_name).toBe('m"');
    expect(Float32Array.from(read.outputs[0].data)).toEqual(values);
  });

  test("refuses NaN and Infinity as JSON, and gives them as binary data", () => {
    expect(() => writeRestAnswer(answer(1, Number.NaN), false)).toThrow("O: NaN at position 1 has no JSON; ask for binary data");
    const { body: bytes, headerBytes = 0 } = writeRestAnswer(answer(1, Number.POSITIVE_INFINITY), true);
    expect(JSON.parse(bytes.toString("utf8", 0, headerBytes))).toMatchObject({ outputs: [{ parameters: { binary_data_size: 8 } }] });
    expect(bytes.readFloatLE(headerBytes + 4)).toBe(Number.POSITIVE_INFINITY);
  });
});
