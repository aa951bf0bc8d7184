import { describe, expect, it } from "@jest/globals";
import type { Engine, EngineOptions, Sharding } from "lagbag";
import { type Case, cornerCases } from "../cases.js";
import { batchOf, bits, expected, MEMORY_MODES, optionsOf, withEngine } from "./open.js";

const SHARDINGS: readonly Sharding[] = ["table", "row", "column"];

/** Every road a lookup can take gives the reference's bits. */
async function checkRoads(engine: Engine, subject: Case): Promise<void> {
  const want = expected(engine, subject);
  const result = await engine.lookup(batchOf(subject));
  expect(bits(result.values)).toEqual(bits(want.values));
  for (const [name, rows] of want.jagged) {
    expect(bits(result.jagged(name).values)).toEqual(bits(rows.values));
    expect([...result.jagged(name).offsets]).toEqual([...rows.offsets]);
  }
  const out = new Float32Array(want.values.length);
  const copied = await engine.lookup(batchOf(subject), { out });
  expect(copied.values).toBe(out);
  expect(bits(out)).toEqual(bits(want.values));
  const sync = engine.lookupSync(batchOf(subject));
  expect(bits(sync.values)).toEqual(bits(want.values));
  for (const [name, rows] of want.jagged) expect(bits(sync.jagged(name).values)).toEqual(bits(rows.values));
  result.release();
}

describe.each(
  MEMORY_MODES.flatMap((memory) => SHARDINGS.map((sharding) => ({ memory, sharding }))),
)("memory $memory, sharding $sharding", ({ memory, sharding }) => {
  it.each(cornerCases().map((subject) => ({ name: subject.name, subject })))("gives the reference's bits for $name", async ({
    subject,
  }) => {
    const options: EngineOptions = optionsOf(subject, { memory, sharding, ranks: 3, lagBound: 1, inline: "never" });
    await withEngine(options, (engine) => checkRoads(engine, subject));
  });
});

describe("inline", () => {
  it.each(
    cornerCases().map((subject) => ({ name: subject.name, subject })),
  )("gives the same bits on the caller's thread for $name", async ({ subject }) => {
    await withEngine(optionsOf(subject, { sharding: "row", inline: "always" }), async (engine) => {
      await checkRoads(engine, subject);
      expect(engine.stats().steps).toBe(0);
    });
  });
});
