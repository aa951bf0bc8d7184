import type { Stage, StageContext } from "lagbag";

/** What the stages of the tests can be told to do. */
export interface StageProgram {
  /** Milliseconds that step s takes on rank r: delays[s % length][r % length]. */
  delaysMs?: number[][];
  /** Sleeps by promise instead of blocking. */
  asynchronous?: boolean;
  /** Floats of the output row; default: the features as they are. */
  columns?: number;
  /** Throws in these steps, on this rank. */
  throwsIn?: { steps: number[]; rank: number };
  /** Ends the thread in this step, on this rank. */
  exitsIn?: { step: number; rank: number };
  /** Never returns in this step, on this rank. */
  hangsIn?: { step: number; rank: number };
  /** Returns something else in every step. */
  returns?: "short" | "nothing" | "array";
  /** Int32Array over shared memory: [step, firstSample, sampleCount] of each call, counted up at index 0. */
  log?: Int32Array;
  /** Counts the stage calls of each step that have ended, over all ranks. */
  ended?: Int32Array;
  /** Set to 1 when a call began before all calls of the step before it had ended. */
  overtook?: Int32Array;
}

const sleepCell = new Int32Array(new SharedArrayBuffer(4));

/** Features as they are, or rows of sums over features and input, after a delay that the program gives. */
export function createStage({ rank, ranks, options }: StageContext): Stage {
  const program = (options ?? {}) as StageProgram;
  return {
    run(features, slice) {
      const { step, sampleCount, firstSample, input } = slice;
      if (program.log !== undefined) {
        const at = Atomics.add(program.log, 0, 4) + 1;
        program.log.set([rank, step, firstSample, sampleCount], at);
      }
      if (program.exitsIn?.step === step && program.exitsIn.rank === rank) process.exit(7);
      if (program.hangsIn?.step === step && program.hangsIn.rank === rank) Atomics.wait(sleepCell, 0, 0);
      if (program.throwsIn?.steps.includes(step) && program.throwsIn.rank === rank) throw new RangeError(`told to throw in step ${step}`);
      if (program.returns === "short") return new Float32Array(1);
      if (program.returns === "nothing") return undefined as unknown as Float32Array;
      if (program.returns === "array") return [1, 2] as unknown as Float32Array;
      const { ended, overtook } = program;
      if (ended && overtook && step > 0 && Atomics.load(ended, step - 1) < ranks) Atomics.store(overtook, 0, 1);
      const output = () => {
        if (ended) Atomics.add(ended, step, 1);
        return result();
      };
      const result = () => (program.columns === undefined ? features : sums(features, sampleCount, program.columns, input));
      const row = program.delaysMs?.[step % program.delaysMs.length];
      const delayMs = row?.[rank % row.length] ?? 0;
      if (program.asynchronous) return new Promise((resolve) => setTimeout(() => resolve(output()), delayMs));
      if (delayMs > 0) Atomics.wait(sleepCell, 0, 0, delayMs);
      return output();
    },
  };
}

/** Column c of a row: the sum of the features whose number is c modulo columns, and of the input. */
function sums(features: Float32Array, sampleCount: number, columns: number, input: Float32Array | undefined): Float32Array {
  const output = new Float32Array(sampleCount * columns);
  const dims = features.length / sampleCount;
  for (let s = 0; s < sampleCount; s += 1) {
    for (let d = 0; d < dims; d += 1) output[s * columns + (d % columns)] += features[s * dims + d];
    const inputs = (input?.length ?? 0) / sampleCount;
    for (let n = 0; n < inputs; n += 1) output[s * columns] += input?.[s * inputs + n] ?? 0;
  }
  return output;
}
