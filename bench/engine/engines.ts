import { type Engine, type EngineOptions, openEngine } from "lagbag";
import type { Workload } from "../workloads/workload.js";

/** Opens an engine over a workload's tables, which it fills by the workload's seed. */
export function openOver({ seededTables, batches }: Workload, options: Omit<EngineOptions, "tables">): Promise<Engine> {
  const [{ batchSize, offsets }] = batches;
  const tables = seededTables.map(({ name, numRows, dim, rows }, index) => ({
    name,
    numRows,
    dim,
    rows,
    lookupsPerSample: (offsets[(index + 1) * batchSize] - offsets[index * batchSize]) / batchSize,
  }));
  return openEngine({ ...options, tables });
}

/** Opens some engines, hands them to `use`, and closes them whatever happens. */
export async function withEngines<Name extends string, T>(
  open: Readonly<Record<Name, () => Promise<Engine>>>,
  use: (engines: Readonly<Record<Name, Engine>>) => Promise<T>,
): Promise<T> {
  const engines: Partial<Record<Name, Engine>> = {};
  try {
    // One after the other: each fills its tables on this thread.
    for (const name of Object.keys(open) as Name[]) engines[name] = await open[name]();
    return await use(engines as Record<Name, Engine>);
  } finally {
    await Promise.all(Object.values<Engine | undefined>(engines).map((engine) => engine?.close()));
  }
}
