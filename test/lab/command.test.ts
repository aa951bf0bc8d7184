import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "@jest/globals";

const dir = mkdtempSync(join(tmpdir(), "lagbag-lab-"));
afterAll(() => rmSync(dir, { recursive: true }));

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

async function lagbag(...args: string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["dist/cli/main.js", ...args]);
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as Outcome;
  }
}

describe("lagbag lab", () => {
  it("prints a table, and writes figures and pictures where it is told to", async () => {
    const [json, html] = ["lab.json", "lab.html"].map((name) => join(dir, name));
    const { code, stdout } = await lagbag(
      "lab",
      "rotating",
      "--quick",
      "--lag",
      "2",
      "--ranks",
      "2",
      "--json",
      json,
      "--html",
      html,
      "--svg",
      dir,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^lag bound 2 +2 /m);
    const report = JSON.parse(readFileSync(json, "utf8")) as { schema: string; results: { ways: { name: string }[] }[] };
    expect(report.schema).toBe("lagbag-lab");
    expect(report.results[0].ways.map(({ name }) => name)).toEqual(["synchronous", "lag bound 2"]);
    expect(readFileSync(html, "utf8")).toContain("<svg");
    expect(readFileSync(join(dir, "rotating-lag-bound-2.svg"), "utf8")).toMatch(/^<svg xmlns=".*<style>.*<rect /s);
  });

  it("says what it takes", async () => {
    const { code, stdout } = await lagbag("lab", "--help");
    expect(code).toBe(0);
    for (const word of ["rotating", "--lag", "--baselines", "--html"]) expect(stdout).toContain(word);
  });

  it.each([
    [["sometimes"], /scenario: got sometimes, expected one of none, constant/],
    [["--lag", "0,many"], /--lag: got many, expected a whole number from 0 to 1022/],
    [["--steps", "0"], /--steps: got 0, expected a whole number from 1/],
    [["--load", "fast"], /--load: got fast, expected a number from 0.01 to 10/],
    [["--messages", "big"], /--messages: got big, expected one of even, uneven, empty/],
    [["--sleep", "well"], /--sleep: got well, expected one of block, promise/],
    [["--sleep", "promise", "--baselines"], /--baselines: got --sleep promise, expected --sleep block/],
    [["--messages", "empty", "--baselines"], /--baselines: got messages that are not even/],
    [["--what"], /Unknown option '--what'/],
  ])("refuses %j with one line and exit code 2", async (args, message) => {
    const { code, stderr } = await lagbag("lab", ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});
