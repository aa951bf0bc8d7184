import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { checkContender } from "#bench/engine/contenders.js";
import { BareKernel } from "#bench/kernels/bare.js";
import { takeSample } from "#bench/measure/sample.js";
import { peerTitle, readPeerNames, StartedPeers } from "#bench/peers/catalogue.js";
import { Child } from "#bench/peers/child.js";
import { embeddingModel } from "#bench/peers/onnx.js";
import { fixedBagSizes, Unavailable } from "#bench/peers/peer.js";
import { bytes, encode, integer, message } from "#bench/peers/protobuf.js";
import { withScratch } from "#bench/peers/scratch.js";
import { storeContender } from "#bench/peers/store.js";
import { UsageError } from "#bench/suite.js";
import { expectedValues } from "#bench/workloads/check.js";
import { makeWorkload, materialise, type Workload, warmWorkload } from "#bench/workloads/workload.js";

const MIXED = makeWorkload(
  {
    name: "mixed",
    title: "",
    tables: [
      { numRows: 60, dim: 16 },
      { numRows: 9, dim: 5, bagSize: 1 },
      { numRows: 30, dim: 64, bagSize: 7 },
      { numRows: 25, dim: 32 },
      { numRows: 25, dim: 128, bagSize: 2 },
    ],
    batchSize: 11,
    bagSize: 3,
    batchCount: 4,
  },
  77,
);
const ROWS = MIXED.seededTables.map(materialise);
const SMALL_PAGES = { hugePages: "off" } as const;
const QUICK = { minSeconds: 0.01, firstRuns: 1 };

/** Batches with empty bags, and bags that differ in size. */
function jagged(): Workload {
  const offsets = Int32Array.from([0, 3, 3, 4, 4, 4, 9]);
  const tables = MIXED.tables.slice(0, 2);
  const batch = { batchSize: 3, indices: Int32Array.from([1, 2, 3, 4, 0, 1, 2, 3, 4]), offsets };
  return {
    ...MIXED,
    tables,
    seededTables: MIXED.seededTables.slice(0, 2),
    bagSizes: [3, 5],
    batchSize: 3,
    batches: [batch],
    rowsPerBatch: 9,
  };
}

describe("the bare kernel", () => {
  it("is the reference's bits, over padded rows and in any rotation", async () => {
    const bare = new BareKernel(MIXED, SMALL_PAGES);
    expect(bare.rows).toBeUndefined();
    for (const workload of [MIXED, warmWorkload(MIXED, 1)]) {
      const contender = bare.contender("bare", workload);
      await checkContender(contender, expectedValues(workload, ROWS, 4));
      expect((await takeSample(contender.timed, QUICK)).unitsPerSecond).toBeGreaterThan(0);
    }
  });

  it("shows its rows to those who only read, where they are not padded", () => {
    const workload = makeWorkload({ name: "", title: "", tables: [{ numRows: 20, dim: 16 }], batchSize: 2, bagSize: 2, batchCount: 1 }, 3);
    expect(new BareKernel(workload, SMALL_PAGES).rows?.map((rows) => Float32Array.from(rows))).toEqual(
      workload.seededTables.map(materialise),
    );
  });

  it("takes bags that differ in size", async () => {
    const workload = jagged();
    await checkContender(new BareKernel(workload, SMALL_PAGES).contender("bare", workload), expectedValues(workload, ROWS, 1));
  });
});

describe("peers", () => {
  // Two that need no network. Where there is no compiler, or no torch, they say so, and the rest of this is about that.
  it.each(["c", "c-huge", "torch"] as const)("%s: is the reference's values on every set, or is left out with a reason", async (name) => {
    const said: string[] = [];
    await withScratch(async (folder) => {
      const workloads = [MIXED, warmWorkload(MIXED, 4000)];
      const peers = await StartedPeers.start([name], { workloads, rows: ROWS, folder, threads: 1, say: (line) => said.push(line) });
      try {
        for (const [set, workload] of workloads.entries()) {
          const contenders = await peers.contenders(workload, set);
          expect(contenders.length + said.length).toBe(1);
          for (const contender of contenders) {
            await checkContender(contender, expectedValues(workload, ROWS, 4));
            expect((await takeSample(contender.timed, QUICK)).unitsPerSecond).toBeGreaterThan(0);
          }
        }
      } finally {
        await peers.close();
      }
    });
    for (const line of said) expect(line).toMatch(new RegExp(`^mixed: ${peerTitle(name, 1)} is left out: .+`));
  });

  it("take bags that differ in size, empty ones too: c", async () => {
    const workload = jagged();
    await withScratch(async (folder) => {
      const peers = await StartedPeers.start(["c"], { workloads: [workload], rows: ROWS, folder, threads: 1, say: () => {} });
      try {
        for (const contender of await peers.contenders(workload, 0)) await checkContender(contender, expectedValues(workload, ROWS, 1));
      } finally {
        await peers.close();
      }
    });
  });

  it("that cannot do a workload are left out, with a line that says why", async () => {
    const said: string[] = [];
    const workload = jagged();
    await withScratch(async (folder) => {
      const context = { workloads: [workload], rows: ROWS, folder, threads: 2, say: (line: string) => said.push(line) };
      const peers = await StartedPeers.start(["onnxruntime-node"], context);
      try {
        expect(await peers.contenders(workload, 0)).toEqual([]);
      } finally {
        await peers.close();
      }
    });
    expect(said).toEqual(["mixed: onnxruntime-node, 2 threads is left out: bags of a table differ in size"]);
  });

  it("are picked by name", () => {
    expect(readPeerNames("none")).toEqual([]);
    expect(readPeerNames("torch,c")).toEqual(["torch", "c"]);
    expect(readPeerNames("all")).toContain("redis");
    expect(() => readPeerNames("c,faiss")).toThrow(UsageError);
    expect(() => readPeerNames("c,faiss")).toThrow("--peers: got faiss, expected all, none, or names of c,");
  });

  it("that want bags of one size do not get others", () => {
    expect(fixedBagSizes([MIXED])).toEqual([3, 1, 7, 3, 2]);
    expect(() => fixedBagSizes([jagged()])).toThrow(Unavailable);
  });
});

describe("a key-value store", () => {
  it("gets every row of a batch in its order, and is the reference's bits", async () => {
    const all = ROWS.flatMap((values, table) =>
      Array.from({ length: MIXED.tables[table].numRows }, (_, row) =>
        values.subarray(row * MIXED.tables[table].dim, (row + 1) * MIXED.tables[table].dim),
      ),
    );
    const fetch = (keys: readonly number[], dims: readonly number[]): Float32Array => {
      expect(keys.map((key) => all[key].length)).toEqual(dims);
      return Float32Array.from(keys.flatMap((key) => [...all[key]]));
    };
    for (const workload of [MIXED, jagged()]) {
      await checkContender(storeContender("store", workload, { fetch, facts: {} }), expectedValues(workload, ROWS, 4));
    }
  });

  it("is not filled with more rows than it is worth", () => {
    const huge = { ...MIXED, tables: [{ numRows: 5_000_000, dim: 4 }] };
    expect(() => storeContender("store", huge, { fetch: () => new Float32Array(0), facts: {} })).toThrow(Unavailable);
  });
});

describe("a child process", () => {
  const start = (script: string, timeoutMs = 20_000): Promise<Child> =>
    Child.start({ name: "child", command: process.execPath, args: ["-e", script], timeoutMs });
  const ECHO = `console.log("ready"); require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => console.log("got " + line));`;

  it("answers in turns", async () => {
    const child = await start(ECHO);
    expect(await child.ask("one 1", "got")).toEqual(["one", "1"]);
    expect(await child.ask("two", "got")).toEqual(["two"]);
    await expect(child.ask("three", "other")).rejects.toThrow('child: asked "three", got "got three"');
    await child.close();
  });

  it("that cannot be started, is not ready, or dies is an error with its last words", async () => {
    await expect(Child.start({ name: "child", command: join(tmpdir(), "no-such-program"), args: [], timeoutMs: 20_000 })).rejects.toThrow(
      "child: cannot be started",
    );
    await expect(start(`console.log("hello"); setInterval(() => {}, 1000)`)).rejects.toThrow('child: got "hello", expected "ready"');
    await expect(start(`console.error("out of luck"); process.exit(3)`)).rejects.toThrow(
      "child: ended with exit code 3; it wrote: out of luck",
    );
    const child = await start(`console.log("ready"); process.stdin.once("data", () => process.exit(4))`);
    await expect(child.ask("anything", "got")).rejects.toThrow("child: ended with exit code 4");
    await expect(child.ask("more", "got")).rejects.toThrow("child: ended with exit code 4");
    await child.close();
  });

  it("that is silent for too long is killed", async () => {
    const child = await start(`console.log("ready"); setInterval(() => {}, 1000)`, 3000);
    await expect(child.ask("anything", "got")).rejects.toThrow('child: no answer to "anything" after 3000 ms');
    await child.close();
  });

  it("that does not end by itself is ended", async () => {
    const child = await start(`console.log("ready"); process.stdin.on("end", () => {}); setInterval(() => {}, 1000)`);
    await child.close();
    await expect(child.ask("anything", "got")).rejects.toThrow("child: ended with SIGKILL");
  });
});

describe("protobuf", () => {
  it("encodes varints and nested fields", () => {
    expect([...encode(integer(1, 0), integer(2, 300), integer(16, 2 ** 40))]).toEqual([
      8, 0, 16, 0xac, 2, 0x80, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20,
    ]);
    expect([...encode(message(3, bytes(1, "hé"), integer(2, 1)))]).toEqual([26, 7, 10, 3, 104, 0xc3, 0xa9, 16, 1]);
  });

  it("names rows in the model or in a file beside it", () => {
    const text = (place: Parameters<typeof embeddingModel>[1][number]): string =>
      Buffer.from(embeddingModel({ ...MIXED, tables: [MIXED.tables[0]] }, [place])).toString("latin1");
    expect(text({ bytes: Buffer.from("the rows") })).toContain("the rows");
    expect(text({ file: "beside.rows", offset: 65536, length: 3840 })).toMatch(/location.*beside\.rows.*offset.*65536.*length.*3840/s);
  });
});

describe("a scratch folder", () => {
  const parent = mkdtempSync(join(tmpdir(), "lagbag-scratch-"));
  afterAll(() => rmSync(parent, { recursive: true }));

  it("is gone afterwards, also when its use fails", async () => {
    let folder = "";
    const use = withScratch(async (given) => {
      folder = given;
      writeFileSync(join(given, "file"), "x");
      throw new Error("failed");
    });
    await expect(use).rejects.toThrow("failed");
    expect(folder).not.toBe("");
    expect(existsSync(folder)).toBe(false);
  });
});
