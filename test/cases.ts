/**
 * The corner-case matrix of the whole project: every kernel and every road through the engine is run over cornerCases(),
 * held against host/reference.ts, and has to refuse badCases(). Data only, seeded, the same on every run.
 * Compare with toEqual: it tells -0 from 0 and takes any NaN for NaN.
 */
export { badCases } from "./cases/bad.js";
export type { BadCase, Case } from "./cases/case.js";
export { cornerCases } from "./cases/corner.js";
export { type Random, type RandomBatchOptions, randomBatch, randomTable, seededRandom } from "./cases/random.js";
