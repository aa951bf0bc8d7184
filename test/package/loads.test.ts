import { describe, expect, it } from "@jest/globals";
import { runScript } from "./child.js";

const packagesOf = (modules: readonly string[]): string[] => modules.filter((module) => module.includes("/node_modules/"));

describe("importing lagbag", () => {
  it("loads nothing but its own files: no thread pool, no server, no gRPC", () => {
    const run = runScript(`import * as lagbag from "lagbag"; console.log(typeof lagbag.openEngine);`);
    expect(run).toMatchObject({ stdout: "function\n", stderr: "", exitCode: 0 });
    expect(run.modules.some((module) => module.endsWith("/dist/index.js"))).toBe(true);
    expect(packagesOf(run.modules)).toEqual([]);
    expect(run.modules.filter((module) => /\/dist\/(serve|cli|cluster)\//.test(module))).toEqual([]);
  });

  it("works by require() too", () => {
    const run = runScript(`
      import { createRequire } from "node:module";
      const { EmbeddingBag } = createRequire(process.cwd() + "/x.js")("lagbag");
      console.log(new EmbeddingBag(2, 1, { weight: [[1], [2]], mode: "sum" }).forward([0, 1], [0]).join());
    `);
    expect(run).toMatchObject({ stdout: "3\n", exitCode: 0 });
    expect(packagesOf(run.modules)).toEqual([]);
  });
});
