import { buildService } from "./service.mjs";

const TABLES = ["user", "item"].map((name) => ({
  name,
  numRows: 100_000,
  dim: 16,
  rows: (first, _count, out) => out.fill(Math.sin(first)),
}));

const app = await buildService({ ranks: 2, tables: TABLES, maxQueuedLookups: 256, lookupTimeoutMs: 1000 });
console.log(`listening on ${await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT ?? 3000) })}`);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void app.close());
