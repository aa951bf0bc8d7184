export type { LookupBatch, LookupOptions } from "./batch.js";
export type { Engine } from "./engine.js";
export { EmbeddingError, type EmbeddingErrorCode, type ErrorDetails, type ErrorPlace } from "./errors.js";
export { openEngine } from "./open.js";
export type { EngineOptions, FeatureOptions, Pooling, RowSource, StageOptions, TableOptions } from "./options.js";
export {
  type Plan,
  type PlanOptions,
  type PlanTable,
  planTables,
  type RankLoad,
  type Shard,
  type Sharding,
  type TablePlan,
} from "./plan/plan.js";
export type { JaggedRows, LookupResult } from "./result.js";
export type { Stage, StageContext, StageModule, StageSlice } from "./shard/stage.js";
export type { EngineStats, InlineStats, RankStats } from "./stats.js";
export type { SyncResult } from "./sync.js";
