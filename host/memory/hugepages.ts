import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** Whether to ask for huge pages under the tables. */
export type HugePagesMode = "auto" | "off";

/** What became of huge pages under the tables. */
export interface HugePagesStats {
  mode: HugePagesMode;
  /**
   * - "on": the system gave some
   * - "refused": it was asked and gave none, or it never does
   * - "unavailable": nobody could ask: the optional package lagbag-hugepages is not there, or cannot work here
   * - "off": by option, nobody asked
   */
  state: "on" | "refused" | "unavailable" | "off";
  /** Why, for people. */
  reason: string;
  /** Bytes of table rows on huge pages when the engine had opened, as the system counts them; it may add more later. */
  bytes: number;
}

/** The optional package, see native/hugepages. */
export interface HugePagesHelper {
  advise(bytes: Uint8Array): { address: bigint; errno: number };
}

/** What this module asks of the system; tests put their own in its place. */
export interface HugePagesSystem {
  platform: string;
  /** @throws Error with a reason when the helper is not there or does not load */
  loadHelper(): HugePagesHelper;
  /** The text of a file below /proc or /sys, or undefined. */
  read(path: string): string | undefined;
}

const SETTING_PATH = "/sys/kernel/mm/transparent_hugepage/enabled";
const SMAPS_PATH = "/proc/self/smaps";
const ROLLUP_PATH = "/proc/self/smaps_rollup";
const PACKAGE = "lagbag-hugepages";
/** Twice a huge page of 2 MiB: less may have no room for one that starts on its border. */
const ENOUGH_BYTES = 2 ** 22;
const KIB = 1024;
/** Lines of a mapping in smaps that count memory on huge pages. */
const HUGE_LINES = /^(?:AnonHugePages|ShmemPmdMapped|FilePmdMapped): +(\d+) kB$/gm;
const MAPPING_LINE = /^([0-9a-f]+)-([0-9a-f]+) [-r][-w][-x][-ps] /gm;

/** The helper beside lagbag, beside the program, or built in lagbag's own repository. */
function loadHelper(): HugePagesHelper {
  const here = createRequire(import.meta.url);
  const attempts = [
    () => here(PACKAGE),
    () => createRequire(join(process.cwd(), "package.json"))(PACKAGE),
    () => here("../../native/hugepages/index.cjs"),
  ];
  for (const attempt of attempts) {
    try {
      return attempt() as HugePagesHelper;
    } catch (error) {
      // One that is there and does not load is worth a word; one that is not there is the usual case.
      if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  throw new Error(`the optional package ${PACKAGE} is not installed`);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

const SYSTEM: HugePagesSystem = { platform: process.platform, loadHelper, read };

/** The chosen word of "always [madvise] never". */
export function chosenSetting(text: string): string | undefined {
  return /\[(\w+)\]/.exec(text)?.[1];
}

function hugeBytes(text: string): number {
  return [...text.matchAll(HUGE_LINES)].reduce((sum, line) => sum + Number(line[1]) * KIB, 0);
}

/** Bytes on huge pages within [begin, end), from the text of /proc/self/smaps. */
export function hugeBytesWithin(smaps: string, begin: bigint, end: bigint): number {
  const mappings = [...smaps.matchAll(MAPPING_LINE)];
  return mappings.reduce((sum, mapping, index) => {
    const from = BigInt(`0x${mapping[1]}`);
    const to = BigInt(`0x${mapping[2]}`);
    const shared = (to < end ? to : end) - (from > begin ? from : begin);
    if (shared <= 0n) return sum;
    return sum + Math.min(Number(shared), hugeBytes(smaps.slice(mapping.index, mappings[index + 1]?.index)));
  }, 0);
}

/**
 * Asks for huge pages under table rows, and looks whether they came. Use: one ask() for each memory before its rows are written, one
 * lookBack() afterwards. Never throws: huge pages are a gift. Keeps addresses, no views: a closed engine keeps no memory.
 */
export class HugePages {
  readonly #system: HugePagesSystem;
  readonly #setting: string | undefined;
  readonly #ranges: { begin: bigint; end: bigint }[] = [];
  /** Bytes of the whole process on huge pages before the rows were written. */
  readonly #before: number;
  #helper: HugePagesHelper | undefined;
  #askedBytes = 0;
  #errno = 0;
  #stats: HugePagesStats;

  constructor(mode: HugePagesMode, system: HugePagesSystem = SYSTEM) {
    this.#system = system;
    this.#stats = { mode, state: "off", reason: 'hugePages: "off"', bytes: 0 };
    this.#before = 0;
    if (mode === "off") return;
    this.#stats = { mode, state: "unavailable", reason: "", bytes: 0 };
    if (system.platform !== "linux") {
      this.#stats.reason = `${PACKAGE} is for Linux, this is ${system.platform}`;
      return;
    }
    const text = system.read(SETTING_PATH);
    if (text === undefined) {
      this.#stats.reason = `no ${SETTING_PATH}: this system has no transparent huge pages`;
      return;
    }
    this.#setting = chosenSetting(text);
    if (this.#setting === "always") this.#before = hugeBytes(system.read(ROLLUP_PATH) ?? "");
    try {
      this.#helper = system.loadHelper();
    } catch (error) {
      this.#lose(error);
    }
  }

  #lose(error: unknown): void {
    this.#helper = undefined;
    this.#stats.reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
  }

  get stats(): HugePagesStats {
    return { ...this.#stats };
  }

  /** bytes: the table rows of one memory, not written yet. */
  ask(bytes: Uint8Array): void {
    if (this.#stats.mode === "off") return;
    this.#askedBytes += bytes.length;
    if (this.#helper === undefined) return;
    try {
      const { address, errno } = this.#helper.advise(bytes);
      if (errno !== 0) this.#errno = errno;
      this.#ranges.push({ begin: address, end: address + BigInt(bytes.length) });
    } catch (error) {
      this.#lose(error);
    }
  }

  /** After the rows have been written: what came. */
  lookBack(): void {
    if (this.#helper !== undefined) {
      const smaps = this.#system.read(SMAPS_PATH) ?? "";
      this.#conclude(
        this.#ranges.reduce((sum, { begin, end }) => sum + hugeBytesWithin(smaps, begin, end), 0),
        "",
      );
    } else if (this.#setting === "always") {
      const grown = hugeBytes(this.#system.read(ROLLUP_PATH) ?? "") - this.#before;
      this.#conclude(Math.max(0, Math.min(grown, this.#askedBytes)), `, counted over the whole process: ${this.#stats.reason}`);
    }
  }

  #conclude(bytes: number, how: string): void {
    const { mode } = this.#stats;
    const share = `${Math.round((100 * bytes) / Math.max(1, this.#askedBytes))} % of the table rows`;
    this.#stats =
      bytes > 0
        ? { mode, state: "on", reason: `${share}, the system's setting is "${this.#setting}"${how}`, bytes }
        : { mode, state: "refused", reason: this.#refusal() + how, bytes };
  }

  #refusal(): string {
    if (this.#errno !== 0) return `madvise failed with error number ${this.#errno}`;
    if (this.#setting === "never") return `the system's setting is "never" (${SETTING_PATH})`;
    if (this.#askedBytes < ENOUGH_BYTES) return `${this.#askedBytes} bytes of table rows are too few for a huge page`;
    return "the system gave none: memory is short or in pieces, or huge pages are off for this process";
  }
}
