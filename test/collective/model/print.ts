/**
 * Prints the table of docs/protocol.md: node build/test/collective/model/print.js
 * With "whole" also the two searches that are too long for the tests (14 million states, up to two minutes each, 1 GB).
 */
import { search, searchLostStates } from "./search.js";

const START = (2 ** 31 - 3) | 0;
const SMALL = [
  [1, 0],
  [1, 1],
  [1, 2],
  [2, 0],
  [2, 1],
  [2, 2],
  [3, 0],
] as const;
const LARGE = [
  [3, 1],
  [3, 2],
] as const;
const SPMD = [
  [1, 2, 8],
  [2, 0, 4],
  [2, 1, 6],
  [2, 2, 8],
  [3, 0, 4],
  [3, 1, 5],
  [3, 2, 5],
] as const;
const whole = process.argv[2] === "whole" ? [...SMALL, ...LARGE] : SMALL;

async function row(
  text: string,
  run: () => Promise<{ states: number; transitions?: number; violation?: { problem: string } | undefined }>,
): Promise<void> {
  const start = performance.now();
  const { states, transitions, violation } = await run();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `| ${text} | ${states.toLocaleString("en")} | ${transitions?.toLocaleString("en") ?? ""} | ${seconds} | ${violation?.problem ?? "sound"} |`,
  );
}

console.log("| model | ranks | lagBound | states | acts | s | |\n|---|---|---|---|---|---|---|");
for (const [ranks, lagBound] of whole) {
  await row(`engine, every act | ${ranks} | ${lagBound}`, () => search("engine", { ranks, lagBound, start: START }));
}
for (const [ranks, lagBound] of [...SMALL, ...LARGE]) {
  await row(`engine, reduced | ${ranks} | ${lagBound}`, () => search("engine", { ranks, lagBound, start: START, eager: true }));
}
const STEALING = [
  [1, 0, 2],
  [2, 0, 2],
  [2, 0, 3],
  [2, 1, 2],
  [2, 1, 3],
  [2, 2, 2],
  [3, 0, 2],
] as const;
for (const [ranks, lagBound, units] of STEALING) {
  await row(`work stealing, ${units} units | ${ranks} | ${lagBound}`, () => search("stealing", { ranks, lagBound, units, start: START }));
}
await row("work stealing, the bound changes | 2 | 1", () => search("stealing", { ranks: 2, lagBound: 1, start: START, varying: true }));
await row("one doorbell, word by word | | ", () => search("bell", { ranks: 1, lagBound: 0, start: START }));
for (const [ranks, lagBound, total] of SPMD) {
  await row(`SPMD, ${total} steps | ${ranks} | ${lagBound}`, () => search("spmd", { ranks, lagBound, total, start: START }));
}
for (const [ranks, lagBound] of whole) {
  const lost = async (): Promise<{ states: number }> => ({ states: (await searchLostStates({ ranks, lagBound, start: START })).lost });
  await row(`lost by the reduction | ${ranks} | ${lagBound}`, lost);
}
