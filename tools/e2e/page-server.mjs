/** For page.sh: a server that is busy with requests of its own, until it is killed. Prints its address when the page has something to show. */
import { serve } from "../../dist/serve/index.js";

const NUM_ROWS = 5000;
const BATCH = 128;
const names = ["users", "items", "<odd>"];
const tables = names.map((name) => ({ name, numRows: NUM_ROWS, dim: 16, rows: new Float32Array(NUM_ROWS * 16).fill(1) }));
const handle = await serve({
  models: [{ name: "dlrm", tables, engine: { ranks: 2, inline: "never" } }],
  port: 0,
  grpcPort: 0,
  metricsPort: 0,
});
await handle.ready;

async function ask() {
  const count = names.length * BATCH;
  const data = Array.from({ length: count }, () => Math.floor(NUM_ROWS * Math.random() ** 4));
  const inputs = [
    { name: "INDICES", datatype: "INT64", shape: [count], data },
    { name: "LENGTHS", datatype: "INT32", shape: [count], data: new Array(count).fill(1) },
  ];
  const reply = await fetch(`${handle.restUrl}/v2/models/dlrm/infer`, {
    method: "POST",
    body: JSON.stringify({ inputs, parameters: { binary_data_output: true } }),
  });
  if (reply.status !== 200) throw new Error(await reply.text());
  await reply.arrayBuffer();
}

const until = performance.now() + 5000;
while (performance.now() < until) await ask();
console.log(handle.restUrl);
for (;;) {
  await ask();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
