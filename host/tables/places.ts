import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join, sep } from "node:path";
import { fileError, quote } from "./fault.js";
import { asFileError } from "./file.js";

/** An entry of a folder, links followed. */
export interface Entry {
  name: string;
  path: string;
  isFolder: boolean;
}

/** Files and folders of a folder, sorted by name; hidden ones, dead links and what is neither are not among them. */
export async function listFolder(folder: string): Promise<Entry[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    throw asFileError(folder, cause, "a folder that can be read");
  }
  const visible = names.filter((name) => !name.startsWith("."));
  visible.sort((a, b) => (a < b ? -1 : 1));
  const entries = await Promise.all(
    visible.map(async (name): Promise<Entry | undefined> => {
      const path = join(folder, name);
      const stats = await stat(path).catch(() => undefined);
      return stats?.isFile() || stats?.isDirectory() ? { name, path, isFolder: stats.isDirectory() } : undefined;
    }),
  );
  return entries.filter((entry) => entry !== undefined);
}

/** A file that another file names. */
export interface NamedFile {
  /** The file that names it, for messages. */
  by: string;
  /** What names it there: `tensor "w": location`. */
  where: string;
  /** The folder that it must not leave. */
  folder: string;
  /** As it is written. */
  name: string;
}

/**
 * The path of a file that another file names: within `folder`, also when links are followed. A model from elsewhere must not be able to make
 * a server read what it likes.
 * @throws (rejects) EmbeddingError EMBEDDING_FILE
 */
export async function resolveNamed({ by, where, folder, name }: NamedFile): Promise<string> {
  const expected = `a file within ${folder}`;
  const parts = name.split(/[/\\]/);
  if (name === "" || name.includes("\0") || /^([/\\]|[A-Za-z]:)/.test(name) || parts.includes("..")) {
    throw fileError(by, { where, got: quote(name), expected });
  }
  const path = join(folder, ...parts);
  let real: string;
  let home: string;
  try {
    [real, home] = await Promise.all([realpath(path), realpath(folder)]);
  } catch (cause) {
    throw asFileError(path, cause, `the file that ${basename(by)} names`);
  }
  if (!real.startsWith(home.endsWith(sep) ? home : home + sep)) {
    throw fileError(by, { where, got: `${quote(name)}, a link to ${real}`, expected });
  }
  return path;
}
