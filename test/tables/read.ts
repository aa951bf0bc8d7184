import { type FileTable, type ModelTables, openModels } from "lagbag";

/** Opens one model, runs `body`, closes it. */
export async function withModel<T>(path: string, body: (model: ModelTables) => T | Promise<T>): Promise<T> {
  const models = await openModels(path);
  try {
    if (models.length !== 1) throw new Error(`${models.length} models in ${path}, expected one`);
    return await body(models[0]);
  } finally {
    await Promise.all(models.map((model) => model.close()));
  }
}

/** All values of a table, copied. */
export async function floatsOf(table: FileTable): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for await (const chunk of table.rows as AsyncIterable<Float32Array>) parts.push(chunk.slice());
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
