import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { type EngineOptions, type LookupBatch, openEngine } from "lagbag";
import type { OnnxStageOptions } from "#host/stages/onnx.js";
import { withEngine } from "../engine/open.js";

const dir = mkdtempSync(join(tmpdir(), "lagbag-onnx-"));
afterAll(() => rmSync(dir, { recursive: true }));

const RUNTIME = resolve("test/stages/fake-runtime.mjs");
const NUM_ROWS = 10;
const rows = Float32Array.from({ length: NUM_ROWS * 3 }, (_, n) => n / 8);

/** A model for the fake runtime, as a file. */
function model(more: object = {}): string {
  const path = join(dir, `${Math.random().toString(36).slice(2)}.onnx`);
  writeFileSync(path, JSON.stringify({ inputs: ["features"], outputs: ["score"], width: 1, ...more }));
  return path;
}

function options(stage: OnnxStageOptions, more: { columns?: number; inputColumns?: number } = {}): EngineOptions {
  return {
    ranks: 3,
    tables: [{ name: "t", numRows: NUM_ROWS, dim: 3, rows }],
    exchangeMemoryBytes: 16 * 2 ** 20,
    stage: { module: "lagbag/onnx-stage", columns: 1, options: { runtime: RUNTIME, ...stage }, ...more },
  };
}

function batch(batchSize: number): LookupBatch {
  return {
    batchSize,
    indices: Int32Array.from({ length: batchSize }, (_, s) => (s * 7) % NUM_ROWS),
    offsets: Int32Array.from({ length: batchSize + 1 }, (_, s) => s),
  };
}

function sumOf(row: number): number {
  return rows[row * 3] + rows[row * 3 + 1] + rows[row * 3 + 2];
}

describe("the ONNX stage", () => {
  it.each([
    1, 2, 7, 64, 1000,
  ])("gives every sample the model's output, in slices that are filled up to %i samples a run", async (samplesPerRun) => {
    await withEngine(options({ model: model({ expectSamples: samplesPerRun }), samplesPerRun }), async (engine) => {
      for (const batchSize of [1, 2, 3, 65, 200]) {
        const { values } = await engine.lookup(batch(batchSize));
        expect([...values]).toEqual([...batch(batchSize).indices].map((row) => sumOf(Number(row))));
      }
    });
  });

  it("feeds stageInput to the dense input, and gives as many columns as the model has", async () => {
    const path = model({ inputs: ["features", "dense"], width: 2 });
    await withEngine(options({ model: path }, { columns: 2, inputColumns: 2 }), async (engine) => {
      const stageInput = Float32Array.from({ length: 10 }, (_, n) => n);
      const { values } = await engine.lookup({ ...batch(5), stageInput });
      const want = [...batch(5).indices].flatMap((row, s) => {
        const sum = sumOf(Number(row)) + stageInput[2 * s] + stageInput[2 * s + 1];
        return [sum, 2 * sum];
      });
      expect([...values]).toEqual(want);
    });
  });

  it.each<[string, () => EngineOptions, RegExp]>([
    ["no model", () => options({} as OnnxStageOptions), /stage.options.model: got undefined, expected the path of an .onnx file/],
    ["a file that is not there", () => options({ model: join(dir, "none.onnx") }), /ENOENT/],
    [
      "a runtime that is not there",
      () => options({ model: model(), runtime: "no-such-runtime" }),
      /got no package no-such-runtime from .*npm install onnxruntime-node/,
    ],
    [
      "samplesPerRun out of its limits",
      () => options({ model: model(), samplesPerRun: 0 }),
      /samplesPerRun: got 0, expected an integer from 1/,
    ],
    ["an input that the model lacks", () => options({ model: model(), features: "x" }), /got no input "x", expected one of features/],
    [
      "inputs that nothing gives",
      () => options({ model: model({ inputs: ["features", "dense", "more"] }) }),
      /nothing is known to give more/,
    ],
    [
      "several outputs",
      () => options({ model: model({ outputs: ["a", "b"] }) }),
      /got 2 outputs \(a, b\), expected stage.options.output to name one/,
    ],
  ])("refuses %s when the engine opens", async (_, make, message) => {
    await expect(openEngine(make())).rejects.toEqual(
      expect.objectContaining({ code: "EMBEDDING_STAGE", message: expect.stringMatching(message) }),
    );
  });

  it.each<[string, object, RegExp]>([
    ["fails", { fails: true }, /told to fail/],
    ["wants dense inputs that no one gave", { inputs: ["features", "dense"] }, /"dense" got nothing, expected stageInput/],
    ["gives no floats", { integers: true }, /output "score" got Int32Array \[64, 1\], expected floats \[64, ...\]/],
  ])("rejects the lookups of a step whose model %s, and goes on", async (_, more, message) => {
    await withEngine(options({ model: model(more) }), async (engine) => {
      for (let turn = 0; turn < 2; turn += 1) {
        await expect(engine.lookup(batch(4))).rejects.toEqual(
          expect.objectContaining({ code: "EMBEDDING_STAGE", message: expect.stringMatching(message) }),
        );
      }
    });
  });
});
