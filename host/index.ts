export { Alltoallv } from "./collective/alltoallv.js";
export type { AlltoallvOptions, AlltoallvShared } from "./collective/area.js";
export type { ReceivedStep, SendStep } from "./collective/messages.js";
export type { WaitOptions } from "./collective/waits.js";
export type { Diagnosis, Finding, FindingKind } from "./diagnose/diagnose.js";
export type { Engine } from "./engine.js";
export { EmbeddingError, type EmbeddingErrorCode, type ErrorDetails, type ErrorPlace } from "./errors.js";
export { hashToRow } from "./keys/hash.js";
export type { LagStats } from "./lag/control.js";
export type { RankTrace, StepTrace } from "./lag/history.js";
export type { LagPrediction } from "./lag/tuner.js";
export type { LoadProgress } from "./load-progress.js";
export type { LookupBatch, LookupOptions } from "./lookup/batch.js";
export type { LagClass } from "./lookup/how.js";
export type { JaggedRows, LookupResult } from "./lookup/result.js";
export type { SyncResult } from "./lookup/sync.js";
export type { HugePagesStats } from "./memory/hugepages.js";
export type { MemoryMode } from "./memory/kernel.js";
export { openEngine } from "./open.js";
export type {
  AnyTableOptions,
  EngineOptions,
  FeatureOptions,
  FloatTableOptions,
  Indexing,
  KeySource,
  LagLimits,
  PackedRowSource,
  PackedTableOptions,
  Pooling,
  RowSource,
  StageOptions,
  TableOptions,
} from "./options.js";
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
export { dequantiseRows, quantiseRows, type RowDtype, rowBytes } from "./rows/rows.js";
export type { Stage, StageContext, StageModule, StageSlice } from "./shard/stage.js";
export type { EngineStats, InlineStats, MemoryStats, RankStats } from "./stats.js";
export { type OpenModelsOptions, openModels } from "./tables/open-models.js";
export type { FileTable, FloatFileTable, LeftOut, ModelFormat, ModelTables, PackedFileTable, StoredRows } from "./tables/types.js";
export type { FloatArray, IndexArray, Matrix } from "./torch/arrays.js";
export type { BagInput, BagWeights } from "./torch/bag-input.js";
export type { BagMode, BagSettings, EmbeddingBagOptions } from "./torch/bag-options.js";
export { EmbeddingBagCollection } from "./torch/collection.js";
export type { CollectionOptions, EmbeddingBagConfig, OpenCollectionOptions } from "./torch/collection-options.js";
export { EmbeddingBag, type PretrainedOptions, type SafetensorsOptions } from "./torch/embedding-bag.js";
export { type JaggedLengths, type JaggedOffsets, type JaggedParts, JaggedTensor, KeyedJaggedTensor } from "./torch/jagged.js";
export { KeyedTensor } from "./torch/keyed.js";
export type { EmbeddingWeight, PackedWeight, WeightOptions } from "./torch/weight.js";
