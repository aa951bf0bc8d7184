import { describe, expect, it } from "@jest/globals";
import { badCases } from "../cases.js";
import { batchOf, expected, MEMORY_MODES, optionsOf, withEngine } from "./open.js";

describe.each(
  MEMORY_MODES.flatMap((memory) => (["table", "row", "column"] as const).map((sharding) => ({ memory, sharding }))),
)("memory $memory, sharding $sharding", ({ memory, sharding }) => {
  it.each(badCases().map((subject) => ({ name: subject.name, subject })))("refuses $name with its code and place, on every road", async ({
    subject,
  }) => {
    await withEngine(optionsOf(subject, { memory, sharding, ranks: 2, inline: "never" }), async (engine) => {
      const want = expect.objectContaining({ name: "EmbeddingError", code: subject.code, ...subject.place });
      await expect(engine.lookup(batchOf(subject))).rejects.toEqual(want);
      let thrown: unknown;
      try {
        engine.lookupSync(batchOf(subject));
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toEqual(want);
      expect(() => expected(engine, subject)).toThrow(expect.objectContaining({ code: subject.code }));
    });
  });
});

it("rejects a bad lookup alone when it shares a step with good ones", async () => {
  const bad = badCases().filter(({ code }) => code === "EMBEDDING_INDEX_RANGE");
  expect(bad.length).toBeGreaterThan(2);
  for (const subject of bad) {
    await withEngine(optionsOf(subject, { inline: "never", lagBound: 0 }), async (engine) => {
      const { indices } = subject.batch;
      const zeros = indices instanceof Int32Array ? new Int32Array(indices.length) : new BigInt64Array(indices.length);
      const good = { ...subject.batch, indices: zeros };
      const want = engine.lookupSync(good).values.slice();
      const lookups = Array.from({ length: 40 }, (_, n) => engine.lookup(n % 3 === 1 ? batchOf(subject) : good));
      const settled = await Promise.allSettled(lookups);
      settled.forEach((outcome, n) => {
        if (n % 3 === 1)
          expect(outcome).toEqual({
            status: "rejected",
            reason: expect.objectContaining({ code: "EMBEDDING_INDEX_RANGE", ...subject.place }),
          });
        else expect(outcome.status === "fulfilled" && outcome.value.values).toEqual(want);
      });
      expect(engine.stats().coalescedLookups).toBeGreaterThan(0);
    });
  }
});
