import { describe, expect, it } from "@jest/globals";
import { readCommandLine } from "#bench/command-line.js";
import { type Suite, UsageError } from "#bench/suite.js";

const SUITE: Suite = {
  summary: "nothing",
  groups: { apples: "red", pears: "green" },
  options: { size: { default: "5", help: "1 to 9" } },
  run: () => Promise.resolve([]),
};

describe("the command line of a suite", () => {
  it("has defaults, and wants all groups without a filter", () => {
    const { run, json } = readCommandLine(SUITE, []);
    expect([run.quick, run.number("size", 1, 9), run.wants("apples"), run.wants("pears"), json]).toEqual([false, 5, true, true, undefined]);
  });

  it("takes options and parts of group names in any order", () => {
    const { run, json } = readCommandLine(SUITE, ["--size", "7", "app", "--json", "out.json", "--seed", "3", "--quick"]);
    expect([run.quick, run.seed, run.number("size", 1, 9), run.wants("apples"), run.wants("pears"), json]).toEqual([
      true,
      3,
      7,
      true,
      false,
      "out.json",
    ]);
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
