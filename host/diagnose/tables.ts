import type { Plan } from "../plan/plan.js";
import type { AccessLog } from "./access.js";
import type { DiagnosisInput } from "./diagnose.js";

/** The first row of each shard of a table that is cut by rows; nothing for other tables. */
export function rowShardStarts(plan: Plan, table: number): number[] {
  const { by, shards } = plan.tables[table];
  return by === "row" ? shards.map((shard) => plan.shards[shard].firstRow) : [];
}

/** What was counted by feature, by table. */
export function accessByTable(
  access: AccessLog,
  { plan, features }: { plan: Plan; features: readonly { table: number }[] },
): Pick<DiagnosisInput, "lookupsPerSample" | "cutByRows"> {
  const byFeature = access.features;
  const lookups = plan.tables.map(() => 0);
  features.forEach(({ table }, f) => {
    lookups[table] += byFeature[f].lookups;
  });
  const cutByRows = plan.tables.flatMap(({ by, shards }, table) => {
    const own = byFeature.filter((_, f) => features[f].table === table);
    const sampled = own.reduce((sum, feature) => sum + feature.sampled, 0);
    if (by !== "row" || sampled === 0) return [];
    const hot = new Map<number, number>();
    for (const { row, count } of own.flatMap(({ hotRows }) => hotRows)) hot.set(row, (hot.get(row) ?? 0) + count);
    return [
      {
        table,
        shardShares: shards.map((_, shard) => own.reduce((sum, { shardCounts }) => sum + shardCounts[shard], 0) / sampled),
        hotRows: [...hot].map(([row, count]) => ({ row, share: count / sampled })).sort((a, b) => b.share - a.share),
      },
    ];
  });
  return { lookupsPerSample: access.samples === 0 ? null : lookups.map((count) => count / access.samples), cutByRows };
}
