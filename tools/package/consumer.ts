/** What a user's TypeScript looks like: compiled against the packed types, strict, without skipLibCheck. Also run. */
import {
  EmbeddingBag,
  EmbeddingBagCollection,
  EmbeddingError,
  type EmbeddingErrorCode,
  type Engine,
  KeyedJaggedTensor,
  type LookupResult,
  openEngine,
} from "lagbag";

const rows = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7);

function check(got: ArrayLike<number>, want: string): void {
  if (Array.from(got).join() !== want) throw new Error(`got ${Array.from(got).join()}, expected ${want}`);
}

async function main(): Promise<void> {
  const engine: Engine = await openEngine({ ranks: 2, tables: [{ name: "t", numRows: 4, dim: 2, rows }] });
  const result: LookupResult = await engine.lookup({ batchSize: 1, indices: Int32Array.of(1, 3), offsets: Int32Array.of(0, 2) });
  check(result.values, "8,10");
  result.release();
  try {
    engine.lookupSync({ batchSize: 1, indices: Int32Array.of(4), offsets: Int32Array.of(0, 1) });
  } catch (error) {
    const code: EmbeddingErrorCode | undefined = error instanceof EmbeddingError ? error.code : undefined;
    if (code !== "EMBEDDING_INDEX_RANGE") throw error;
  }
  await engine.close();
  check(new EmbeddingBag(4, 2, { weight: rows, mode: "sum" }).forward([1, 3], [0]), "8,10");
  const collection = new EmbeddingBagCollection({ tables: [{ name: "t", numEmbeddings: 4, embeddingDim: 2, weight: rows }] });
  check(collection.forward(KeyedJaggedTensor.fromLengthsSync({ keys: ["t"], values: [1, 3], lengths: [2] })).get("t"), "8,10");
  console.log("typescript: ok");
}

await main();
