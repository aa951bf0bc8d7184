/** Starts the service, asks it what it is made for, overloads it, and stops it as a supervisor would. Exits with 1 if an answer is wrong. */
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { buildService } from "./service.mjs";

const post = (url, body) =>
  fetch(`${url}/embed`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

// The service in a process of its own, until SIGTERM.
const service = spawn(process.execPath, [fileURLToPath(new URL("main.mjs", import.meta.url))], {
  env: { ...process.env, PORT: "0" },
  stdio: ["ignore", "pipe", "inherit"],
});
const [line] = await once(createInterface({ input: service.stdout }), "line");
const url = line.replace("listening on ", "");
const good = await post(url, { batchSize: 1, indices: [7, 8, 9], offsets: [0, 2, 3] });
assert.equal(good.status, 200);
const { columns, values } = await good.json();
assert.equal(columns, 32);
assert.equal(values.length, 32);
const bad = await post(url, { batchSize: 1, indices: [100_000], offsets: [0, 1, 1] });
assert.equal(bad.status, 400);
assert.match((await bad.json()).message, /got 100000, expected 0 <= index < 100000/);
assert.equal((await post(url, { batchSize: 1, indices: "all" })).status, 400);
service.kill("SIGTERM");
const [code, signal] = await once(service, "exit");
assert.deepEqual([code, signal], [0, null]);

// More at once than may wait: each is answered with 200 or with 429, and the service is well afterwards.
const rows = (_first, _count, out) => out.fill(1);
const app = await buildService({
  ranks: 1,
  inline: "never",
  maxCoalescedLookups: 1,
  maxQueuedLookups: 4,
  tables: [{ name: "t", numRows: 1000, dim: 8, rows }],
});
const ask = () => app.inject({ method: "POST", url: "/embed", payload: { batchSize: 1, indices: [1, 2], offsets: [0, 2] } });
const statuses = (await Promise.all(Array.from({ length: 500 }, ask))).map((answer) => answer.statusCode);
const count = (status) => statuses.filter((one) => one === status).length;
assert.equal(count(200) + count(429), 500);
assert.ok(count(200) > 0 && count(429) > 0, `got ${count(200)} x 200 and ${count(429)} x 429, expected some of each`);
assert.deepEqual((await ask()).json(), { columns: 8, values: new Array(8).fill(2) });
await app.close();
console.log(`fastify-service: ok (overloaded: ${count(200)} answered, ${count(429)} told to come back)`);
