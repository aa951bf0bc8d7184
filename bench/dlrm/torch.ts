import { fileURLToPath } from "node:url";
import type { Contender } from "../engine/contenders.js";
import { Child } from "../peers/child.js";
import { childContender } from "../peers/timed-child.js";
import type { Facts } from "../report.js";
import type { DlrmWorkload } from "./batches.js";
import { TOLERANCE } from "./check.js";

/** Seen from build/bench/dlrm. */
const SOURCE = fileURLToPath(new URL("../../../bench/peers/torch/dlrm.py", import.meta.url));
const ANSWER_MS = 300_000;

/** What a child is started with. */
export interface TorchOptions {
  python: string;
  model: string;
  divisor: number;
  /** By writeDataFile and writeDenseFile. */
  dataFile: string;
  denseFile: string;
  /** For files of its own. */
  folder: string;
  threads: number;
}

/** PyTorch with the whole model, in a process of its own. */
export class TorchDlrm {
  readonly #child: Child;
  readonly #options: TorchOptions;
  readonly name: string;
  readonly about: TorchAbout;

  private constructor(child: Child, options: TorchOptions, about: TorchAbout) {
    this.#child = child;
    this.#options = options;
    this.name = torchName(options.threads);
    this.about = about;
  }

  static async start(options: TorchOptions): Promise<TorchDlrm> {
    const { python, model, divisor, dataFile, denseFile, threads } = options;
    const child = await Child.start({
      name: torchName(threads),
      command: python,
      args: [SOURCE, model, String(divisor), dataFile, denseFile, String(threads)],
      env: { OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) },
      timeoutMs: ANSWER_MS,
    });
    try {
      return new TorchDlrm(child, options, readAbout(await child.ask("about", "about")));
    } catch (error) {
      await child.close();
      throw error;
    }
  }

  contender(workload: DlrmWorkload): Contender {
    const { threads, folder } = this.#options;
    return childContender({ name: this.name, child: this.#child, folder }, workload, {
      set: 0,
      words: String,
      tolerance: TOLERANCE,
      facts: { threads, ...this.about },
    });
  }

  /** Where its time goes, over some seconds. */
  async parts(seconds: number): Promise<Facts> {
    return readParts(await this.#child.ask(`parts ${seconds}`, "parts"));
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}

function torchName(threads: number): string {
  return `PyTorch, ${threads} thread${threads === 1 ? "" : "s"}`;
}

/** What a child says of itself. */
export type TorchAbout = Facts & {
  /** "torch 2.4.0" */
  peer: string;
  /** The library that it was built to multiply matrices with: mkl, open, generic. */
  blas: string;
  /** Which form of the linear layers was faster, and is timed. */
  layers: string;
};

/** Reads the words after "about": version, BLAS, the form of the layers, microseconds of a batch's dense part by either form. @throws an Error that quotes them */
export function readAbout(words: readonly string[]): TorchAbout {
  const [version, blas, layers, eagerUs, oneDnnUs] = words;
  if (words.length !== 5 || (layers !== "eager" && layers !== "oneDNN") || !(Number(eagerUs) > 0))
    throw new Error(`about: got ${JSON.stringify(words.join(" "))}, expected VERSION BLAS eager|oneDNN EAGER_US ONEDNN_US`);
  return { peer: `torch ${version}`, blas, layers, eagerUs: Number(eagerUs), ...(oneDnnUs === "-" ? {} : { oneDnnUs: Number(oneDnnUs) }) };
}

/** Reads the words after "parts": nanoseconds of pooling and of the dense layers. @throws an Error that quotes them */
export function readParts(words: readonly string[]): { poolingShare: number; denseShare: number } {
  const [pooling, dense] = words.map(Number);
  if (words.length !== 2 || !(pooling > 0 && dense > 0))
    throw new Error(`parts: got ${JSON.stringify(words.join(" "))}, expected two numbers of nanoseconds`);
  return { poolingShare: pooling / (pooling + dense), denseShare: dense / (pooling + dense) };
}
