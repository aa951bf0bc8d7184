import { describe, expect, it } from "@jest/globals";
import { readCommandLine, readReportCommand } from "#bench/command-line.js";
import { type Suite, UsageError } from "#bench/suite.js";

const SUITE: Suite = {
  summary: "nothing",
  groups: { apples: "red", pears: "green" },
  options: { size: { default: "5", help: "1 to 9" } },
  run: () => Promise.resolve([]),
};

describe("the command line of a suite", () => {
  it("has defaults, and wants all groups without a filter", () => {
    const { run, output } = readCommandLine(SUITE, []);
    expect([run.quick, run.number("size", 1, 9), run.wants("apples"), run.wants("pears"), output.json]).toEqual([
      false,
      5,
      true,
      true,
      undefined,
    ]);
  });

  it("takes options and parts of group names in any order", () => {
    const { run, output } = readCommandLine(SUITE, ["--size", "7", "app", "--json", "out.json", "--seed", "3", "--quick"]);
    expect([run.quick, run.seed, run.number("size", 1, 9), run.wants("apples"), run.wants("pears"), output.json]).toEqual([
      true,
      3,
      7,
      true,
      false,
      "out.json",
    ]);
  });

  it("tells a report which options the suite had, given or by default", () => {
    expect(readCommandLine(SUITE, []).options).toEqual({ size: "5" });
    expect(readCommandLine(SUITE, ["--size=3", "--cpus", "0,2-3"])).toMatchObject({ options: { size: "3" }, cpus: "0,2-3" });
  });

  it("takes what is to be made of the report", () => {
    const { output } = readCommandLine(SUITE, ["--html", "a.html", "--compare", "old.json", "--fail-on-worse"]);
    expect(output).toEqual({ json: undefined, html: "a.html", compare: "old.json", failOnWorse: true });
    expect(() => readCommandLine(SUITE, ["--fail-on-worse"])).toThrow("--fail-on-worse: got it alone, expected --compare with it");
  });

  it("refuses filters that match nothing, options that nobody knows, and numbers out of their limits", () => {
    expect(() => readCommandLine(SUITE, ["plums"])).toThrow("filter: got plums, expected a part of one of apples, pears");
    expect(() => readCommandLine(SUITE, ["--colour", "red"])).toThrow(UsageError);
    expect(() => readCommandLine(SUITE, ["--size", "2.5"]).run.count("size", 1, 9)).toThrow(
      "--size: got 2.5, expected a whole number from 1 to 9",
    );
    expect(() => readCommandLine(SUITE, ["--size", "10"]).run.number("size", 1, 9)).toThrow(
      "--size: got 10, expected a number from 1 to 9",
    );
  });
});

describe("the command line of report", () => {
  it("takes files and what to make of them", () => {
    expect(readReportCommand(["a.json", "--html", "x.html", "b.json"])).toEqual({
      files: ["a.json", "b.json"],
      output: { json: undefined, html: "x.html", compare: undefined, failOnWorse: false },
    });
  });

  it("refuses to read nothing, and options of suites", () => {
    expect(() => readReportCommand(["--html", "x.html"])).toThrow("report: got no file, expected one or more JSON reports");
    expect(() => readReportCommand(["a.json", "--seed", "1"])).toThrow(UsageError);
  });
});
