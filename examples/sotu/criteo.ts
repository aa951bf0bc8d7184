import { type Engine, openEngine } from "lagbag";
import { type Batch, countRows, poolAll, reportRanks, reportReference } from "./pooling.js";
import { formatCount, formatMiB, formatRate, say, sayBlock, stage } from "./terminal.js";

/** Rows of the 26 tables of DLRM's Criteo Kaggle model: five hold 98 % of them, a few hold a handful. */
const CRITEO_KAGGLE_ROWS = [
  1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306, 10, 5652, 2173, 4, 7046547, 18, 15,
  286181, 105, 142572,
];
const DIM = 16;
/** 2 GiB would be much for a demonstration. */
const SCALE_DOWN = 16;
const BATCH_SIZE = 2048;
const BATCH_COUNT = 32;
const SEED = 20_260_101;

const RANKS = 4;
const LAG_BOUND = 4;

interface Table {
  name: string;
  numRows: number;
  dim: number;
  rows: Float32Array;
}

/**
 * Runs seeded lookups, one row a feature as in click logs, on tables of Criteo Kaggle's shape. Resolves to whether all
 * values were as the reference has them.
 */
export async function runCriteoShape(): Promise<boolean> {
  say(`Lookups on tables of Criteo Kaggle's shape, rows scaled down by ${SCALE_DOWN}, seed ${SEED}\n`);
  const random = seededRandom(SEED);
  const tables = await stage("make tables", () => makeTables(random), describeTables);
  const batches = await stage(
    "make bags",
    () => Array.from({ length: BATCH_COUNT }, () => makeBatch(tables, random)),
    (made) => `${made.length} batches of ${formatCount(BATCH_SIZE)} samples, row popularity as Zipf has it`,
  );
  const engine = await stage(
    "load tables",
    () => openTables(tables),
    () => `${RANKS} ranks, lag bound ${LAG_BOUND}`,
  );
  try {
    sayBlock(String(engine.plan));
    const rowCount = countRows(batches);
    const pooled = await stage(
      "lookup",
      () => poolAll(engine, batches, tables.length * DIM),
      (_, seconds) => `${formatCount(rowCount)} rows in ${batches.length} batches, ${formatRate(rowCount, seconds)}`,
    );
    reportRanks(engine);
    return await reportReference({
      plan: engine.plan,
      tables: new Map(tables.map((table) => [table.name, table])),
      features: tables.map(({ name }) => ({ name, table: name })),
      batches,
      pooled: [pooled],
    });
  } finally {
    await engine.close();
  }
}

function openTables(tables: Table[]): Promise<Engine> {
  return openEngine({ ranks: RANKS, lagBound: LAG_BOUND, tables });
}

function makeTables(random: () => number): Table[] {
  return CRITEO_KAGGLE_ROWS.map((fullRows, t) => {
    const numRows = Math.ceil(fullRows / SCALE_DOWN);
    const rows = new Float32Array(numRows * DIM);
    for (let at = 0; at < rows.length; at++) rows[at] = random() - 0.5;
    return { name: `C${t + 1}`, numRows, dim: DIM, rows };
  });
}

function describeTables(tables: readonly Table[]): string {
  const rowCount = tables.reduce((sum, { numRows }) => sum + numRows, 0);
  const bytes = tables.reduce((sum, { rows }) => sum + rows.byteLength, 0);
  return `${tables.length} tables, ${formatCount(rowCount)} rows x ${DIM} floats, ${formatMiB(bytes)}`;
}

/** One lookup a feature: the offsets count up by one. */
function makeBatch(tables: readonly Table[], random: () => number): Batch {
  const indices = new Int32Array(tables.length * BATCH_SIZE);
  for (const [t, { numRows }] of tables.entries()) {
    for (let sample = 0; sample < BATCH_SIZE; sample++) {
      // Evenly spread logarithms: the k-th row comes up about 1/k as often as the first (Zipf, s = 1).
      indices[t * BATCH_SIZE + sample] = Math.floor((numRows + 1) ** random()) - 1;
    }
  }
  return { batchSize: BATCH_SIZE, indices, offsets: Int32Array.from({ length: indices.length + 1 }, (_, at) => at) };
}

/** Mulberry32 (Tommy Ettinger, public domain): floats in [0, 1), the same on every machine. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
