import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Child } from "./child.js";
import { type Peer, type PeerContext, Unavailable } from "./peer.js";
import { childContender } from "./timed-child.js";

/** Seen from build/bench/peers. */
const SOURCE = fileURLToPath(new URL("../../../bench/peers/torch/lookup.py", import.meta.url));
/** The second is where Debian's python3-torch is when the first is another Python. */
const PYTHONS = ["python3", "/usr/bin/python3"] as const;
const IMPORT_MS = 60_000;
const ANSWER_MS = 180_000;

/** PyTorch's embedding_bag, feature by feature, and cat, in a process of its own over its own copy of the rows. */
export async function startTorch({ folder, dataFile, threads }: PeerContext, name: string): Promise<Peer> {
  const { python, version } = await findTorch();
  const env = { OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) };
  const child = await Child.start({ name, command: python, args: [SOURCE, dataFile, String(threads)], env, timeoutMs: ANSWER_MS });
  return {
    contender: async (workload, set) =>
      childContender({ name, child, folder }, workload, {
        set,
        words: String,
        tolerance: Math.max(...workload.bagSizes) ** 2 * 2 ** -24,
        facts: { peer: `torch ${version}`, threads },
      }),
    close: () => child.close(),
  };
}

/**
 * Finds a Python that has torch.
 * @param pythons commands to try, in this order
 * @throws (rejects) Unavailable
 */
export async function findTorch(pythons: readonly string[] = PYTHONS): Promise<{ python: string; version: string }> {
  for (const python of pythons) {
    try {
      const { stdout } = await promisify(execFile)(python, ["-c", "import numpy, torch; print(torch.__version__)"], { timeout: IMPORT_MS });
      return { python, version: stdout.trim() };
    } catch {} // not there, or without torch: the next one
  }
  throw new Unavailable(`none of ${pythons.join(", ")} has torch and numpy (Debian: python3-torch)`);
}
