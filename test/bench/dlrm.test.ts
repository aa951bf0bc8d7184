import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { readCommandLine } from "#bench/command-line.js";
import { withDenseInputs, writeDenseFile } from "#bench/dlrm/batches.js";
import { comparePredictions, predictionsOf, TOLERANCE } from "#bench/dlrm/check.js";
import { checkDescription } from "#bench/dlrm/export.js";
import { MODELS, scaleModel } from "#bench/dlrm/models.js";
import { dlrmSuite } from "#bench/dlrm/suite.js";
import { readAbout, readParts } from "#bench/dlrm/torch.js";
import { withScratch } from "#bench/peers/scratch.js";
import { findTorch } from "#bench/peers/torch.js";
import { makeWorkload } from "#bench/workloads/workload.js";

const SIZE = { maxBytes: 1e6, samples: 6, batchCount: 3 };
const SEED = 7;

function predictions(name: string, ...batches: number[][]) {
  return { name, batches: batches.map((values) => Float32Array.from(values)) };
}

describe("models", () => {
  it.each(Object.keys(MODELS))("%s: rows are divided until they fit, and the title says by how much", (name) => {
    const { divisor, shape } = scaleModel(MODELS[name], SIZE);
    const { tables } = MODELS[name].shape;
    expect(shape.tables.map(({ numRows }) => numRows)).toEqual(tables.map(({ numRows }) => Math.ceil(numRows / divisor)));
    expect(shape.tables.reduce((sum, { numRows, dim }) => sum + numRows * dim * 4, 0)).toBeLessThanOrEqual(SIZE.maxBytes);
    expect(shape.title).toContain(`; rows / ${divisor}: `);
    expect([shape.batchSize, shape.batchCount]).toEqual([6, 3]);
  });

  it.each(Object.values(MODELS))("$what: the slices of 1 and 2 ranks fill the stage's runs up", ({ samples, samplesPerRun }) => {
    expect((samples / 2) % samplesPerRun).toBe(0);
  });

  it("that fit keep all their rows", () => {
    const { divisor, shape } = scaleModel(MODELS["ali-ccp"], { ...SIZE, maxBytes: 1e9 });
    expect([divisor, shape.tables]).toEqual([1, MODELS["ali-ccp"].shape.tables]);
    expect(shape.title).toContain("; all rows: ");
  });

  it("that were exported with other tables than the workload has are refused", () => {
    const workload = {
      tables: [
        { numRows: 5, dim: 4 },
        { numRows: 9, dim: 4 },
      ],
      bagSizes: [1, 3],
    };
    expect(() => checkDescription("m", workload, { rows: [5, 9], hots: [1, 3], dim: 4 })).not.toThrow();
    const message = "m: export.py wrote tables (rows x dim x lookups) 5 x 4 x 1, 9 x 4 x 2, expected 5 x 4 x 1, 9 x 4 x 3";
    expect(() => checkDescription("m", workload, { rows: [5, 9], hots: [1, 2], dim: 4 })).toThrow(message);
    expect(() => checkDescription("m", workload, { rows: [5], hots: [1], dim: 4 })).toThrow(/wrote tables .* 5 x 4 x 1, expected/);
  });

  it("are one group by default: the others are asked for by name", () => {
    const wanted = (...filters: string[]): string[] => {
      const { run } = readCommandLine(dlrmSuite, filters);
      return Object.keys(MODELS).filter((name) => run.wants(name));
    };
    expect(wanted()).toEqual(["criteo-kaggle"]);
    expect(wanted("rm1", "ali")).toEqual(["rm1", "ali-ccp"]);
  });
});

describe("batches", () => {
  it("get the same dense inputs for the same seed, and a file has them in order", async () => {
    const plain = makeWorkload(scaleModel(MODELS.rm3, SIZE).shape, SEED);
    const workload = withDenseInputs(plain, 5, SEED);
    expect(withDenseInputs(plain, 5, SEED)).toEqual(workload);
    expect(withDenseInputs(plain, 5, SEED + 1).batches).not.toEqual(workload.batches);
    expect(workload.batches[0].indices).toBe(plain.batches[0].indices);
    await withScratch(async (folder) => {
      const file = join(folder, "dense");
      writeDenseFile(file, workload);
      const bytes = readFileSync(file);
      const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      expect([...values]).toEqual(workload.batches.flatMap(({ stageInput }) => [...stageInput]));
      expect(values).toHaveLength(3 * 6 * 5);
      expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
    });
  });
});

describe("predictions", () => {
  const expected = predictions("PyTorch", [0.25, 0.5], [0.75, 0.125]);

  it("that are near enough pass, and the largest difference is told", () => {
    const near = predictions("near", [0.25, 0.5], [0.75, 0.125 + 2 ** -21]);
    expect(comparePredictions(near, expected, TOLERANCE)).toBe(2 ** -21);
    expect(comparePredictions(expected, expected, 0)).toBe(0);
  });

  it.each<[string, number[], number, string]>([
    ["too far off", [0.75, 0.126], TOLERANCE, "far: batch 1, sample 1: got 0.12600000202655792, expected 0.125 (PyTorch) within 0.000001"],
    ["not a number", [Number.NaN, 0.125], TOLERANCE, "far: batch 1, sample 0: got NaN, expected 0.75 (PyTorch) within 0.000001"],
    ["of other bits", [0.75 + 2 ** -24, 0.125], 0, "far: batch 1, sample 0: got 0.7500000596046448, expected 0.75 (PyTorch), bit for bit"],
    ["too few", [0.75], 0, "far: batch 1: got 1 predictions, expected 2"],
  ])("that are %s are refused, by batch and sample", (_, second, tolerance, message) => {
    expect(() => comparePredictions(predictions("far", [0.25, 0.5], second), expected, tolerance)).toThrow(new Error(message));
  });

  it("of a contender come in the batches' order, however they arrive", async () => {
    const workload = makeWorkload(scaleModel(MODELS.rm3, SIZE).shape, SEED);
    const contender = {
      timed: { kind: "sync", name: "backwards", unitsPerRun: 1, run: () => {} } as const,
      lookup: (batches: typeof workload.batches, read: (values: Float32Array, batch: (typeof batches)[number]) => void): void => {
        // One array for all: values are valid during the call only.
        const out = new Float32Array(1);
        for (const [n, batch] of [...batches.entries()].reverse()) {
          out[0] = n;
          read(out, batch);
        }
      },
      tolerance: 0,
      facts: {},
    };
    expect(await predictionsOf({ ...contender, lookup: (some, read) => contender.lookup([...some], read) }, workload)).toEqual(
      predictions("backwards", [0], [1], [2]),
    );
  });
});

describe("the PyTorch child", () => {
  it("says what it is and where its time goes", () => {
    expect(readAbout(["2.4.0", "mkl", "eager", "31000", "42000"])).toEqual({
      peer: "torch 2.4.0",
      blas: "mkl",
      layers: "eager",
      eagerUs: 31000,
      oneDnnUs: 42000,
    });
    expect(readAbout(["2.4.0", "mkl", "eager", "31000", "-"])).not.toHaveProperty("oneDnnUs");
    expect(readParts(["1000", "3000"])).toEqual({ poolingShare: 0.25, denseShare: 0.75 });
  });

  it.each([
    [[]],
    [["2.4.0", "mkl", "eager", "31000"]],
    [["2.4.0", "mkl", "fast", "1", "1"]],
    [["2.4.0", "mkl", "eager", "x", "1"]],
  ])("is refused when it says %j of itself", (words) => {
    expect(() => readAbout(words)).toThrow(`about: got ${JSON.stringify(words.join(" "))}, expected VERSION BLAS`);
  });

  it.each([[[]], [["12"]], [["12", "x"]], [["0", "12"]], [["1", "2", "3"]]])("is refused when it says %j of its parts", (words) => {
    expect(() => readParts(words)).toThrow(`parts: got ${JSON.stringify(words.join(" "))}, expected two numbers of nanoseconds`);
  });

  it("needs a Python with torch: one without is named, with what to install", async () => {
    await expect(findTorch(["/no/such/python"])).rejects.toThrow("none of /no/such/python has torch and numpy (Debian: python3-torch)");
  });
});
