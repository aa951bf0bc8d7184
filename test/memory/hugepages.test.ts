import { describe, expect, it } from "@jest/globals";
import { chosenSetting, HugePages, type HugePagesHelper, type HugePagesSystem, hugeBytesWithin } from "#host/memory/hugepages.js";

const MIB = 2 ** 20;
const BASE = 0x7f00_0000_0000n;
const SETTING = "/sys/kernel/mm/transparent_hugepage/enabled";
const SMAPS = "/proc/self/smaps";
const ROLLUP = "/proc/self/smaps_rollup";

/** A mapping as /proc/self/smaps shows it. */
function mapping(begin: bigint, bytes: number, anonHugeKb: number, shmemHugeKb = 0): string {
  return [
    `${begin.toString(16)}-${(begin + BigInt(bytes)).toString(16)} rw-p 00000000 00:00 0 `,
    `Size:             ${bytes / 1024} kB`,
    "Anonymous:         12345 kB",
    `AnonHugePages:    ${anonHugeKb} kB`,
    `ShmemPmdMapped:        ${shmemHugeKb} kB`,
    "FilePmdMapped:        0 kB",
    "VmFlags: rd wr mr mw me dc nr hg ",
    "",
  ].join("\n");
}

interface Fake {
  platform?: string;
  files?: Record<string, string | string[]>;
  helper?: HugePagesHelper | Error;
}

/** A system of a test's own. A file with several texts gives one a read. */
function system({ platform = "linux", files = {}, helper = new Error("the optional package is not installed") }: Fake): HugePagesSystem {
  return {
    platform,
    loadHelper: () => {
      if (helper instanceof Error) throw helper;
      return helper;
    },
    read: (path) => {
      const text = files[path];
      return typeof text === "object" ? text.shift() : text;
    },
  };
}

const advising = (errno = 0): HugePagesHelper => ({ advise: () => ({ address: BASE, errno }) });
const rows = new Uint8Array(16 * MIB);

describe("hugeBytesWithin", () => {
  const smaps = mapping(BASE - 0x1000n, 0x1000, 0) + mapping(BASE, 8 * MIB, 6144, 2048) + mapping(BASE + BigInt(8 * MIB), 8 * MIB, 4096);

  it("adds up what lies on huge pages of all kinds in the mappings of a range", () => {
    expect(hugeBytesWithin(smaps, BASE, BASE + BigInt(16 * MIB))).toBe(12 * MIB);
    expect(hugeBytesWithin(smaps, BASE, BASE + BigInt(8 * MIB))).toBe(8 * MIB);
  });

  it("counts no more of a mapping than the range has of it, and nothing beside it", () => {
    expect(hugeBytesWithin(smaps, BASE, BASE + BigInt(2 * MIB))).toBe(2 * MIB);
    expect(hugeBytesWithin(smaps, BASE + BigInt(16 * MIB), BASE + BigInt(32 * MIB))).toBe(0);
    expect(hugeBytesWithin("", BASE, BASE + 1n)).toBe(0);
  });
});

it("reads the chosen setting", () => {
  expect(chosenSetting("always [madvise] never\n")).toBe("madvise");
  expect(chosenSetting("[always] madvise never\n")).toBe("always");
  expect(chosenSetting("")).toBeUndefined();
});

describe("HugePages says what came:", () => {
  const files = { [SETTING]: "always [madvise] never\n", [SMAPS]: mapping(BASE, 16 * MIB, 8192) };

  it("on, with the bytes that the system counts, not those that were asked for", () => {
    const pages = new HugePages("auto", system({ files, helper: advising() }));
    pages.ask(rows);
    pages.lookBack();
    expect(pages.stats).toEqual({
      mode: "auto",
      state: "on",
      bytes: 8 * MIB,
      reason: '50 % of the table rows, the system\'s setting is "madvise"',
    });
  });

  it("refused, though madvise agreed, when none came", () => {
    const pages = new HugePages("auto", system({ files: { ...files, [SMAPS]: mapping(BASE, 16 * MIB, 0) }, helper: advising() }));
    pages.ask(rows);
    pages.lookBack();
    expect(pages.stats).toMatchObject({ state: "refused", bytes: 0, reason: expect.stringContaining("the system gave none") });
  });

  it("refused, with the error number, when madvise failed", () => {
    const pages = new HugePages("auto", system({ files: { ...files, [SMAPS]: "" }, helper: advising(22) }));
    pages.ask(rows);
    pages.lookBack();
    expect(pages.stats).toMatchObject({ state: "refused", reason: "madvise failed with error number 22" });
  });

  it("refused, when the system's setting is never", () => {
    const pages = new HugePages("auto", system({ files: { [SETTING]: "always madvise [never]\n", [SMAPS]: "" }, helper: advising() }));
    pages.ask(rows);
    pages.lookBack();
    expect(pages.stats).toMatchObject({ state: "refused", reason: expect.stringContaining('setting is "never"') });
  });

  it("refused, when the rows are too few for a huge page", () => {
    const pages = new HugePages("auto", system({ files: { ...files, [SMAPS]: "" }, helper: advising() }));
    pages.ask(rows.subarray(0, 65536));
    pages.lookBack();
    expect(pages.stats).toMatchObject({ state: "refused", reason: "65536 bytes of table rows are too few for a huge page" });
  });

  it("unavailable, without the helper, with the reason why it is not there", () => {
    const pages = new HugePages("auto", system({ files }));
    pages.ask(rows);
    pages.lookBack();
    expect(pages.stats).toEqual({ mode: "auto", state: "unavailable", reason: "the optional package is not installed", bytes: 0 });
  });

  it("unavailable, when the helper breaks", () => {
    const broken: HugePagesHelper = {
      advise: () => {
        throw new TypeError("no such thing");
      },
    };
    const pages = new HugePages("auto", system({ files, helper: broken }));
    pages.ask(rows);
    pages.lookBack();
    expect(pages.stats).toMatchObject({ state: "unavailable", reason: "no such thing", bytes: 0 });
  });

  it("on, without the helper, where the system gives huge pages to everybody", () => {
    const rollup = [mapping(BASE, 16 * MIB, 1024), mapping(BASE, 16 * MIB, 11264)];
    const pages = new HugePages("auto", system({ files: { [SETTING]: "[always] madvise never\n", [ROLLUP]: rollup } }));
    pages.ask(rows);
    pages.lookBack();
    expect(pages.stats).toMatchObject({ state: "on", bytes: 10 * MIB, reason: expect.stringContaining("counted over the whole process") });
  });

  it("unavailable on other systems and on a Linux without huge pages", () => {
    for (const other of [system({ platform: "darwin", helper: advising() }), system({ files: {}, helper: advising() })]) {
      const pages = new HugePages("auto", other);
      pages.ask(rows);
      pages.lookBack();
      expect(pages.stats).toMatchObject({ state: "unavailable", bytes: 0 });
    }
  });

  it("off, by option, without asking anybody", () => {
    const asked: HugePagesHelper = {
      advise: () => {
        throw new Error("was asked");
      },
    };
    const pages = new HugePages("off", system({ files, helper: asked }));
    pages.ask(rows);
    pages.lookBack();
    expect(pages.stats).toEqual({ mode: "off", state: "off", reason: 'hugePages: "off"', bytes: 0 });
  });
});
