const { EmbeddingBag, openEngine } = require("lagbag");

async function main() {
  const rows = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7);
  const engine = await openEngine({ ranks: 2, tables: [{ name: "t", numRows: 4, dim: 2, rows }] });
  const result = await engine.lookup({ batchSize: 1, indices: Int32Array.of(1, 3), offsets: Int32Array.of(0, 2) });
  if (result.values.join() !== "8,10") throw new Error(`got ${result.values.join()}, expected 8,10`);
  await engine.close();
  const pooled = new EmbeddingBag(4, 2, { weight: rows, mode: "sum" }).forward([1, 3], [0]);
  if (pooled.join() !== "8,10") throw new Error(`got ${pooled.join()}, expected 8,10`);
  console.log("require: ok");
}

main();
