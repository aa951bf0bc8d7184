import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "@jest/globals";
import { reportJson } from "#bench/report.js";
import { SUITES } from "#bench/suites.js";
import { group, report } from "./reports.js";

const MAIN = fileURLToPath(new URL("../../bench/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "lagbag-main-"));
afterAll(() => rmSync(folder, { recursive: true }));

function bench(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }));
  });
}

/** A report in a file. */
function saved(name: string, level: number): string {
  const rounds = (by: number): number[] => Array.from({ length: 9 }, (_, n) => by * (1 + n / 1000));
  const file = join(folder, name);
  writeFileSync(file, reportJson(report([group("w1", { ours: rounds(level), theirs: rounds(10) })])));
  return file;
}

describe("npm run bench", () => {
  it("says what there is", async () => {
    const { code, out } = await bench();
    expect(code).toBe(0);
    expect(out).toContain(`Suites: ${Object.keys(SUITES).join(", ")}`);
    expect((await bench("kernels", "--help")).out).toMatch(/--indices .*\n(.*\n)*.*--cpus/);
  });

  it.each([
    [["plums"], "suite: got plums, expected one of kernels"],
    [["kernels", "--peers", "faiss"], "--peers: got faiss"],
    [["kernels", "--cache", "tepid"], "--cache: got tepid, expected cold, warm or both"],
    [["exchange", "--cpus", "all"], "--cpus: got all, expected processors such as 0,2-3"],
    [["exchange", "--html", "/no/such/folder/x.html"], "/no/such/folder/x.html: "],
    [["exchange", "--compare", "/no/such/file.json"], "/no/such/file.json: "],
    [["kernels", "--indices", "/no/such/trace.npz"], "--indices: /no/such/trace.npz: "],
    [["dlrm", "--python", "/no/such/python"], "--python: none of /no/such/python has torch and numpy (Debian: python3-torch)"],
    [["dlrm", "--batch", "0"], "--batch: got 0, expected a whole number from 1 to 65536"],
    [["kernels", "trace"], "trace: got no --indices, expected a file"],
    [["bls", "--lag", "0,many"], "--lag: got many, expected auto or a whole number from 0 to 1022"],
    [["bls", "--sleep", "well"], "--sleep: got well, expected one of block, promise"],
    [["bls", "--load", "full"], "--load: got full, expected a number from 0.01 to 10"],
    [["report"], "report: got no file"],
  ])("refuses %j with exit code 2", async (args, message) => {
    const { code, err } = await bench(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    expect(err.trim().split("\n")).toHaveLength(1);
  });

  it("runs a suite, and leaves a report and a page", async () => {
    const json = join(folder, "exchange.json");
    const page = join(folder, "exchange.html");
    const { code, out, err } = await bench("exchange", "--quick", "2x64b", "--json", json, "--html", page);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain("2x64b: 2 ranks, messages of 64 bytes");
    expect(readFileSync(page, "utf8")).toContain("<h3>2x64b</h3>");
    const again = await bench("report", json, "--compare", json, "--fail-on-worse");
    // Three rounds are too few for a verdict.
    expect(again.out).toMatch(/0 better, 0 the same, 0 worse, \d+ unclear/);
    expect(again.code).toBe(0);
  });

  it("ends with exit code 3 for something worse, if it is asked to", async () => {
    const [before, after] = [saved("before.json", 20), saved("after.json", 15)];
    const quiet = await bench("report", after, "--compare", before);
    expect([quiet.code, quiet.out]).toEqual([0, expect.stringContaining("0 better, 1 the same, 2 worse")]);
    expect((await bench("report", after, "--compare", before, "--fail-on-worse")).code).toBe(3);
    expect((await bench("report", before, "--compare", after, "--fail-on-worse")).code).toBe(0);
  });
});
