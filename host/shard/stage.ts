import { EmbeddingError } from "../errors.js";

/** What createStage is called with, once on every rank. */
export interface StageContext {
  rank: number;
  ranks: number;
  /** Where each feature's columns start in a row of `features`; the last entry is the number of columns. */
  columnOffsets: readonly number[];
  /** The clone of `stage.options`. */
  options: unknown;
}

/** Which samples a call of run has. */
export interface StageSlice {
  /** Steps count from 0. */
  step: number;
  /** First sample of the slice within the step. */
  firstSample: number;
  /** Samples of the slice, never 0. */
  sampleCount: number;
  /** The slice's rows of stageInput, [sampleCount, inputColumns]; a view, valid during the call. Absent without inputColumns. */
  input?: Float32Array;
}

/** What createStage returns. */
export interface Stage {
  /**
   * features: pooled rows of the slice, row-major [sampleCount, sum of dims]: a view that may be written to, valid until run's
   * result settles. Returns or promises [sampleCount, columns], row-major; `features` itself is fine. Calls on one rank never overlap.
   */
  run(features: Float32Array, slice: StageSlice): Float32Array | PromiseLike<Float32Array>;
}

/** The shape of a stage module. */
export interface StageModule {
  createStage(context: StageContext): Stage | PromiseLike<Stage>;
}

/**
 * Loads a stage.
 * @throws EmbeddingError EMBEDDING_STAGE when the module cannot be imported, has no createStage, or createStage fails
 */
export async function loadStage(href: string, context: StageContext): Promise<Stage> {
  const fail = (what: string, cause?: unknown): EmbeddingError =>
    new EmbeddingError("EMBEDDING_STAGE", `rank ${context.rank}: stage ${href.slice(0, 200)}: ${what}`, { rank: context.rank, cause });
  let module: Partial<StageModule> & { default?: Partial<StageModule> };
  try {
    module = (await import(href)) as typeof module;
  } catch (cause) {
    throw fail(`import failed: ${messageOf(cause)}`, cause);
  }
  const createStage = module.createStage ?? module.default?.createStage;
  if (typeof createStage !== "function") throw fail("expected an export createStage({ rank, ranks, columnOffsets, options })");
  let stage: Stage;
  try {
    stage = await createStage(context);
  } catch (cause) {
    throw fail(`createStage failed: ${messageOf(cause)}`, cause);
  }
  if (typeof stage?.run !== "function") throw fail(`createStage: got ${typeof stage}, expected an object with run(features, slice)`);
  return stage;
}

/** The message of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return typeof thrown === "object" && thrown !== null && "message" in thrown ? String(thrown.message) : String(thrown);
}

/**
 * What run returned, once it is known to have the right shape.
 * @throws EmbeddingError EMBEDDING_STAGE with what was got and expected
 */
export function checkStageOutput(output: unknown, sampleCount: number, columns: number): Float32Array {
  // By tag, not instanceof: the array may come from another realm.
  if (Object.prototype.toString.call(output) !== "[object Float32Array]") {
    const got = output === null ? "null" : typeof output === "object" ? Object.prototype.toString.call(output) : typeof output;
    throw new EmbeddingError("EMBEDDING_STAGE", `run returned ${got}, expected a Float32Array of ${sampleCount} x ${columns} values`, {
      got,
      expected: "Float32Array",
    });
  }
  const values = output as Float32Array;
  const expected = sampleCount * columns;
  if (values.length !== expected) {
    throw new EmbeddingError(
      "EMBEDDING_STAGE",
      `run returned ${values.length} values, expected ${sampleCount} samples x ${columns} columns = ${expected}`,
      { got: values.length, expected },
    );
  }
  return values;
}
