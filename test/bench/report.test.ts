import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { describeMachine } from "#bench/machine.js";
import { formatComparison, reachesGoal, readReport, reportJson, reportSchema, writeReport } from "#bench/report.js";
import { type Schema, schemaError } from "#bench/schema.js";
import { UsageError } from "#bench/suite.js";
import { group, report } from "./reports.js";

const folder = mkdtempSync(join(tmpdir(), "lagbag-report-"));
afterAll(() => rmSync(folder, { recursive: true }));

const ONE = group("w1", { ours: [1, 2, 3], theirs: [2, 3, 4] }, { p50UsRounds: [1, 2], loops: ["a", "b"], note: "x", dim: 64 });
const FULL = report(
  [
    {
      ...ONE,
      comparisons: ONE.comparisons.map((one) => ({ ...one, what: "p99", goal: 0.5, lowerIsBetter: true as const })),
      timelines: [{ name: "ours", startsMs: [[0, 1]], endsMs: [[1, 2]] }],
    },
  ],
  { machine: describeMachine() },
);

function fileOf(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe("the JSON of a report", () => {
  it("is what bench/report.schema.json says, this machine's facts included", () => {
    expect(schemaError(reportSchema(), JSON.parse(reportJson(FULL)))).toBeUndefined();
  });

  it("says all that a report of ours has: nothing of it is unknown to the schema", () => {
    const strict = JSON.parse(JSON.stringify(reportSchema()), (_, value: unknown) => {
      const isClosed = typeof value === "object" && value !== null && "properties" in value && !("additionalProperties" in value);
      return isClosed ? { ...value, additionalProperties: { enum: [] } } : value;
    }) as Schema;
    expect(schemaError(strict, JSON.parse(reportJson(FULL)))).toBeUndefined();
    expect(schemaError(strict, { ...(JSON.parse(reportJson(FULL)) as object), more: 1 })).toContain("report.more");
  });

  it("comes back as it was", () => {
    const file = join(folder, "full.json");
    writeReport(file, FULL);
    expect(readReport(file)).toEqual({ schema: "lagbag-bench", schemaVersion: 1, ...JSON.parse(JSON.stringify(FULL)) });
  });

  it("may be of before there were options", () => {
    const { options, ...old } = JSON.parse(reportJson(FULL)) as { options: object };
    expect(options).toBeDefined();
    expect(readReport(fileOf("old.json", JSON.stringify(old))).options).toEqual({});
  });

  it.each([
    ["no JSON", "{", /no\.json: /],
    ["another file's", "[1]", /got schema undefined/],
    ["another version", '{"schema":"lagbag-bench","schemaVersion":2}', /version 2, expected lagbag-bench, version 1/],
    ["half of it", '{"schema":"lagbag-bench","schemaVersion":1}', /report: got no suite, expected one/],
  ])("is refused with the file's name: %s", (_, text, message) => {
    const file = fileOf("no.json", text);
    expect(() => readReport(file)).toThrow(message);
    expect(() => readReport(file)).toThrow(UsageError);
    expect(() => readReport(file)).toThrow(file);
  });
});

describe("a goal", () => {
  const [comparison] = group("w1", { ours: [2, 2, 2], theirs: [1, 1, 1] }).comparisons;

  it("is the least that is wanted, or the most where less is better; reached exactly is reached", () => {
    expect([1.5, 2, 2.5].map((goal) => reachesGoal({ ...comparison, goal }))).toEqual([true, true, false]);
    expect([1.5, 2, 2.5].map((goal) => reachesGoal({ ...comparison, goal, lowerIsBetter: true }))).toEqual([false, true, true]);
    expect(reachesGoal(comparison)).toBeUndefined();
  });

  it("stands beside its figure with its direction", () => {
    expect(formatComparison({ ...comparison, goal: 3 })).toBe("ours / theirs: 2.00 (2.00 - 2.00), goal >= 3");
    expect(formatComparison({ ...comparison, what: "p99", goal: 3, lowerIsBetter: true })).toContain(
      "p99, ours / theirs: 2.00 (2.00 - 2.00), goal <= 3",
    );
    expect(formatComparison(comparison)).not.toContain("goal");
  });
});

describe("schemaError", () => {
  const value = { a: 1, b: "x", c: [1, 2], d: { e: true } };

  it.each<[Schema, string | undefined]>([
    [{ type: "object", required: ["a", "b"] }, undefined],
    [{ required: ["z"] }, "report: got no z, expected one"],
    [{ properties: { a: { type: "string" } } }, "report.a: got 1, expected a value of type string"],
    [{ properties: { b: { enum: ["y", "z"] } } }, 'report.b: got "x", expected one of y, z'],
    [{ properties: { c: { items: { const: 1 } } } }, "report.c[1]: got 2, expected 1"],
    [{ properties: { a: { anyOf: [{ type: "string" }, { type: "integer" }] } } }, undefined],
    [{ properties: { a: { anyOf: [{ type: "string" }, { type: "array" }] } } }, "report.a: got 1, expected another kind of value"],
    [
      { properties: { d: { $ref: "#/$defs/d" } }, $defs: { d: { additionalProperties: { type: "number" } } } },
      "report.d.e: got true, expected a value of type number",
    ],
    [{ type: "array" }, 'report: got {"a":1,"b":"x","c":[1,2],"d":{"e":true}}, expected a value of type array'],
  ])("%j", (schema, error) => {
    expect(schemaError(schema, value)).toBe(error);
  });

  it("does not pass over a definition that is not there", () => {
    expect(() => schemaError({ $ref: "#/$defs/none" }, value)).toThrow("no definition");
  });
});
