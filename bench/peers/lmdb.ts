import { join } from "node:path";
import { installPackages } from "./packages.js";
import type { Peer, PeerContext } from "./peer.js";
import { firstKeys, storeContender } from "./store.js";

/** The part of lmdb that is used here. */
interface Database {
  transactionSync<T>(action: () => T): T;
  putSync(key: number, value: Uint8Array): void;
  getBinaryFast(key: number): Uint8Array | undefined;
  close(): Promise<void>;
}
interface Lmdb {
  open(options: object): Database;
}

/** lmdb as a feature store: a row a key, memory-mapped, read on this thread. */
export async function startLmdb({ workloads, rows, folder, say }: PeerContext, name: string): Promise<Peer> {
  const { tables } = workloads[0];
  const first = firstKeys(tables);
  const { require, versions } = await installPackages(["lmdb"], say);
  const bytes = rows.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const database = (require("lmdb") as Lmdb).open({
    path: join(folder, "lmdb"),
    encoding: "binary",
    keyEncoding: "uint32",
    noSync: true,
    mapSize: bytes * 4 + 2 ** 28,
  });
  database.transactionSync(() => {
    for (const [table, { numRows, dim }] of tables.entries()) {
      for (let row = 0; row < numRows; row += 1) {
        // A copy: the store does not take views of shared memory.
        database.putSync(first[table] + row, Buffer.from(rows[table].slice(row * dim, (row + 1) * dim).buffer));
      }
    }
  });
  let floats = new Float32Array(0);
  let view = new Uint8Array(floats.buffer);
  const fetch = (keys: readonly number[], dims: readonly number[]): Float32Array => {
    const need = dims.reduce((sum, dim) => sum + dim, 0);
    if (floats.length < need) {
      floats = new Float32Array(need);
      view = new Uint8Array(floats.buffer);
    }
    let at = 0;
    for (let n = 0; n < keys.length; n += 1) {
      const value = database.getBinaryFast(keys[n]);
      if (value === undefined) throw new Error(`${name}: no key ${keys[n]}`);
      // The buffer is the store's own, reused and longer than the value, whatever its length says.
      view.set(value.subarray(0, dims[n] * 4), at);
      at += dims[n] * 4;
    }
    return floats;
  };
  return {
    contender: async (workload) => storeContender(name, workload, { fetch, facts: { peer: versions, threads: 1 } }),
    close: () => database.close(),
  };
}
