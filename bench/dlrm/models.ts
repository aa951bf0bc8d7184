import { formatMB } from "../text-table.js";
import { PUBLIC_SHAPES } from "../workloads/public-shapes.js";
import { divideRows, type FullShape, tableBytes } from "../workloads/scale.js";
import type { WorkloadShape } from "../workloads/workload.js";

/** A model: its tables as they were published; tools/dlrm/export.py has its layers. */
export interface DlrmModel {
  what: string;
  shape: FullShape;
  /** Samples a lookup, unless the command line says otherwise. */
  samples: number;
  /** Samples that the stage runs its model on at once, likewise: what does not fill a run up is computed for nothing, so slices of 1 and 2 ranks are multiples of it. */
  samplesPerRun: number;
}

/** By the names that export.py and filters know. */
export const MODELS: Readonly<Record<string, DlrmModel>> = {
  "criteo-kaggle": {
    what: "DLRM on Criteo Kaggle: 26 tables x 16, one lookup a feature",
    shape: PUBLIC_SHAPES.criteo,
    samples: 2048,
    samplesPerRun: 64,
  },
  // Queries of MLPerf inference have 100 to 700 samples.
  "mlperf-dlrmv2": {
    what: "MLPerf DLRMv2: 26 tables x 128, 214 lookups a sample, Zipf 1.05",
    shape: PUBLIC_SHAPES.dlrmv2,
    samples: 400,
    samplesPerRun: 100,
  },
  rm1: { what: "DeepRecSys RM1: 8 tables x 32, 80 lookups each", shape: PUBLIC_SHAPES.rm1, samples: 256, samplesPerRun: 64 },
  rm2: { what: "DeepRecSys RM2: 32 tables x 64, 120 lookups each", shape: PUBLIC_SHAPES.rm2, samples: 64, samplesPerRun: 32 },
  rm3: { what: "DeepRecSys RM3: 10 tables x 32, 20 lookups each", shape: PUBLIC_SHAPES.rm3, samples: 512, samplesPerRun: 64 },
  "ali-ccp": { what: "Ali-CCP: 23 tables x 16, one lookup a feature", shape: PUBLIC_SHAPES.aliccp, samples: 2048, samplesPerRun: 64 },
};

/** How large a model is made. */
export interface ModelSize {
  /** Most bytes of fp32 rows. */
  maxBytes: number;
  /** Samples a lookup. */
  samples: number;
  /** Batches in rotation. */
  batchCount: number;
}

/** A model's workload, and what all its row counts were divided by. */
export function scaleModel({ what, shape }: DlrmModel, size: ModelSize): { divisor: number; shape: WorkloadShape } {
  const { divisor, tables } = divideRows(shape.tables, size.maxBytes);
  const scale = divisor === 1 ? "all rows" : `rows / ${divisor}`;
  const { what: _, ...others } = shape;
  const title = `${what}; ${scale}: ${formatMB(tableBytes(tables))} of fp32`;
  return { divisor, shape: { ...others, tables, title, batchSize: size.samples, batchCount: size.batchCount } };
}
