import { describe, expect, test } from "@jest/globals";
import { readServeConfig } from "#host/serve/config/read.js";
import { makeSources } from "#host/serve/config/sources.js";
import { defaultRanks } from "#host/serve/model/repository.js";

const tables = [
  { name: "users", numRows: 2, dim: 1, rows: new Float32Array(2) },
  { name: "items", numRows: 2, dim: 1, rows: new Float32Array(2) },
];
const close = (): Promise<void> => Promise.resolve();

function sourcesOf(config: object) {
  return makeSources([{ name: "dlrm", tables, close }], readServeConfig(JSON.stringify(config), "lagbag.json"), "lagbag.json");
}

describe("lagbag.json", () => {
  test("sets features, version, engine and table options of a model", () => {
    const features = [
      { name: "clicked", table: "items", pooling: "mean", paddingIndex: 0 },
      { name: "user", table: "users" },
    ];
    const [source] = sourcesOf({
      models: {
        dlrm: {
          version: "3",
          shapes: ["pooled"],
          features,
          ranks: 1,
          lagBound: "auto",
          dtype: "int8",
          tables: { users: { dtype: "fp16", sharding: "row", lookupsPerSample: 0.5, replicated: true } },
        },
      },
    });
    expect(source).toMatchObject({ name: "dlrm", version: "3", shapes: ["pooled"], features, engine: { ranks: 1, lagBound: "auto" } });
    expect(source.tables).toMatchObject([
      { name: "users", dtype: "fp16", sharding: "row", lookupsPerSample: 0.5, replicated: true },
      { name: "items", dtype: "int8" },
    ]);
  });

  test("sets work stealing", () => {
    const [{ engine }] = sourcesOf({ models: { dlrm: { workStealing: false, stealUnitBytes: 65536 } } });
    expect(engine).toEqual({ workStealing: false, stealUnitBytes: 65536 });
  });

  test("may leave everything open", () => {
    expect(sourcesOf({})).toMatchObject([{ name: "dlrm", version: "1", engine: {} }]);
    expect(sourcesOf({ models: { dlrm: {} } })[0].features).toBeUndefined();
  });

  test.each([
    ["{", "lagbag.json: not JSON"],
    ["[]", "lagbag.json: got Array, expected an object"],
    ['{"model":{}}', 'lagbag.json: model: got "model", expected one of models'],
    ['{"models":{"dlrm":{"rank":1}}}', 'lagbag.json: models.dlrm.rank: got "rank", expected one of version, shapes'],
    ['{"models":{"dlrm":{"ranks":65}}}', "lagbag.json: models.dlrm.ranks: got 65, expected an integer from 0 to 64"],
    ['{"models":{"dlrm":{"features":[]}}}', "lagbag.json: models.dlrm.features: got Array, expected an array with at least one element"],
    [
      '{"models":{"dlrm":{"features":[{"name":"a"}]}}}',
      "lagbag.json: models.dlrm.features[0].table: got undefined, expected a text that is not empty",
    ],
    [
      '{"models":{"dlrm":{"features":[{"name":"a","table":"t","pooling":"avg"}]}}}',
      'models.dlrm.features[0].pooling: got "avg", expected "sum" or "mean" or "max"',
    ],
    ['{"models":{"a b":{"dtype":"fp8"}}}', 'lagbag.json: models."a b".dtype: got "fp8"'],
    ['{"models":{"dlrm":{"tables":{"users":{"rows":1}}}}}', 'models.dlrm.tables.users.rows: got "rows", expected one of dtype, sharding'],
    ['{"models":{"dlrm":{"hugePages":true}}}', 'models.dlrm.hugePages: got true, expected "auto" or "off"'],
    ['{"models":{"dlrm":{"workStealing":"no"}}}', 'models.dlrm.workStealing: got "no", expected true or false'],
    ['{"models":{"dlrm":{"stealUnitBytes":0}}}', "models.dlrm.stealUnitBytes: got 0, expected an integer from 1 to 1073741824"],
    ['{"models":{"dlrm":{"tables":{"users":{"defaultRow":["x"]}}}}}', 'models.dlrm.tables.users.defaultRow[0]: got "x", expected a number'],
  ])("%s is refused with its place", (text, message) => {
    expect(() => readServeConfig(text, "lagbag.json")).toThrow(
      expect.objectContaining({ code: "EMBEDDING_OPTIONS", message: expect.stringContaining(message) }),
    );
  });

  test("speaks of models and tables that are there", () => {
    expect(() => sourcesOf({ models: { other: {} } })).toThrow('lagbag.json: models: got "other", expected one of "dlrm"');
    expect(() => sourcesOf({ models: { dlrm: { tables: { x: {} } } } })).toThrow(
      'lagbag.json: models.dlrm.tables: got "x", expected one of "users", "items"',
    );
    expect(() => sourcesOf({ models: { dlrm: { features: [{ name: "f", table: "x" }] } } })).toThrow(
      'models.dlrm.features[0].table: got "x", expected one of',
    );
    expect(() => makeSources([{ name: "none", tables: [], close }], { models: new Map() }, "lagbag.json")).toThrow(
      'model "none": got a file without tables',
    );
  });
});

describe("ranks of several models", () => {
  test("share the processor, 1 to 8 each", () => {
    expect([defaultRanks(1, 2), defaultRanks(1, 64), defaultRanks(2, 8), defaultRanks(3, 8), defaultRanks(100, 8)]).toEqual([
      2, 8, 4, 2, 1,
    ]);
  });
});
