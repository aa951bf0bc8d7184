/** The optional helper, built here and now where the machine has a compiler and Node's headers. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { afterAll, describe, expect, it } from "@jest/globals";
import { openEngine } from "lagbag";
import { chosenSetting, type HugePagesHelper, hugeBytesWithin } from "#host/memory/hugepages.js";
import { createMemory } from "#host/memory/kernel.js";
import { MEMORY_MODES } from "../engine/open.js";

const NOT_BUILT_HERE = 3;
const MIB = 2 ** 20;
const HELPER = "native/hugepages/build";
/** Set in the process that has the helper. */
const CHILD = "LAGBAG_TEST_HUGEPAGES";
const CHILD_MS = 120_000;

/**
 * Jest's resolver remembers for the life of its process which files are not there, and every test that opened an engine before has looked for the
 * helper. So what needs it runs in a Jest of its own, and the helper goes again: other tests are to find the same with it and without.
 */
if (process.env[CHILD] === undefined) {
  it(
    "builds, or says what is lacking, and then works",
    () => {
      const wasThere = existsSync(HELPER);
      const build = spawnSync("bash", ["tools/build-hugepages.sh"], { encoding: "utf8" });
      try {
        if (build.status === NOT_BUILT_HERE) {
          expect(build.stdout).toMatch(/^no helper built: ./);
          process.stdout.write(`${build.stdout.trim()}: the helper is not tested here\n`);
          return;
        }
        expect(build).toMatchObject({ status: 0, stderr: "" });
        const jest = [
          "--experimental-vm-modules",
          "node_modules/jest/bin/jest.js",
          "-c",
          "jest.config.json",
          "-i",
          "build/test/native/hugepages.test.js",
        ];
        const child = spawnSync(process.execPath, jest, { encoding: "utf8", env: { ...process.env, [CHILD]: "1" } });
        expect(child.stderr).toMatch(/^Tests: +\d+ passed, \d+ total$/m);
        expect(child.status).toBe(0);
      } finally {
        if (!wasThere) rmSync(HELPER, { recursive: true, force: true });
      }
    },
    CHILD_MS,
  );
} else
  describe("lagbag-hugepages", () => {
    /** What a table can get here: null where the system says never, or says nothing. */
    const setting = chosenSetting(readFileSync("/sys/kernel/mm/transparent_hugepage/enabled", "latin1"));
    const given = setting === "madvise" || setting === "always";
    const helper = (): HugePagesHelper => createRequire(import.meta.url)("../../../native/hugepages/index.cjs") as HugePagesHelper;

    it("asks for a memory's bytes, and the system's own count tells whether they came", () => {
      const bytes = new Uint8Array(createMemory(32 * MIB).buffer);
      const { address, errno } = helper().advise(bytes);
      expect(errno).toBe(0);
      bytes.fill(1);
      const huge = hugeBytesWithin(readFileSync("/proc/self/smaps", "latin1"), address, address + BigInt(bytes.length));
      if (given) expect(huge).toBeGreaterThan(0);
      else expect(huge).toBe(0);
      expect(bytes.every((byte) => byte === 1)).toBe(true);
    });

    it("takes bytes without a whole page in them", () => {
      expect(helper().advise(new Uint8Array(10)).errno).toBe(0);
      expect(helper().advise(new Uint8Array(0)).errno).toBe(0);
    });

    it.each([[undefined], [3], [new Float32Array(4)], [{}]])("refuses %p with a TypeError", (argument) => {
      expect(() => helper().advise(argument as Uint8Array)).toThrow("advise: expected one Uint8Array");
    });

    describe.each(MEMORY_MODES.map((memory) => ({ memory })))("an engine, memory $memory", ({ memory }) => {
      const numRows = 65536;
      const dim = 64;
      const open = (hugePages: "auto" | "off") =>
        openEngine({
          ranks: 1,
          memory,
          hugePages,
          inline: "always",
          exchangeMemoryBytes: 64 * MIB,
          tables: [
            {
              name: "t",
              numRows,
              dim,
              rows: (first, _count, out) =>
                out.forEach((_, n) => {
                  out[n] = first * dim + n;
                }),
            },
          ],
        });
      const engines = [open("auto"), open("off")];
      afterAll(() => Promise.all(engines.map(async (engine) => (await engine).close())));

      it("finds the repository's own build and reports what came", async () => {
        const { hugePages } = (await engines[0]).stats().memory;
        expect(hugePages.mode).toBe("auto");
        expect(hugePages.state).toBe(given ? "on" : "refused");
        expect(hugePages.bytes > 0).toBe(given);
        expect(hugePages.bytes).toBeLessThanOrEqual(numRows * dim * 4 + 65536);
      });

      it("asks for none when they are off", async () => {
        expect((await engines[1]).stats().memory.hugePages).toMatchObject({ mode: "off", state: "off", bytes: 0 });
      });

      it("gives the same rows on either", async () => {
        const batch = { batchSize: 2, indices: Int32Array.of(0, numRows - 1, 17), offsets: Int32Array.of(0, 2, 3) };
        const [huge, small] = await Promise.all(engines.map(async (engine) => (await engine).lookupSync(batch).values.slice()));
        expect([...huge]).toEqual([...small]);
        expect(huge[0]).toBe((numRows - 1) * dim);
      });
    });
  });
