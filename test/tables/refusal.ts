import { expect } from "@jest/globals";
import { openModels } from "lagbag";
import { floatsOf } from "./read.js";

/** Opens models and reads all rows of all tables, which must end in one line: an EMBEDDING_FILE error of this message. */
export async function expectRefusal(path: string, message: RegExp): Promise<void> {
  const error = await readAll(path).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ name: "EmbeddingError", code: "EMBEDDING_FILE", message: expect.stringMatching(message) });
  expect((error as Error).message).not.toMatch(/[\n\r]/);
}

/** Reads every row of every table of every model at `path`; none may claim more bytes of floats than `mostBytes`. */
export async function readAll(path: string, mostBytes = Number.POSITIVE_INFINITY): Promise<void> {
  const models = await openModels(path, { versions: "all" });
  try {
    for (const { tables } of models) {
      for (const table of tables) {
        expect(table.stored.bytes).toBeLessThanOrEqual(mostBytes);
        const values = await floatsOf(table);
        if (table.packed !== true) expect(values.length).toBe(table.numRows * table.dim);
      }
    }
  } finally {
    await Promise.all(models.map((model) => model.close()));
  }
}
