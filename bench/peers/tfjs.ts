import { join } from "node:path";
import { keep } from "../measure/keep.js";
import type { Batch } from "../workloads/workload.js";
import { installPackages } from "./packages.js";
import { fixedBagSizes, type Peer, type PeerContext, plainBytes, Unavailable } from "./peer.js";

/** The part of TensorFlow.js that is used here. */
interface TfTensor {
  dataSync(): Float32Array;
  dispose(): void;
}
interface TensorFlow {
  tensor(values: Float32Array | Int32Array, shape: readonly number[], type: "float32" | "int32"): TfTensor;
  gather(rows: TfTensor, indices: TfTensor): TfTensor;
  sum(values: TfTensor, axis: number): TfTensor;
  concat(values: readonly TfTensor[], axis: number): TfTensor;
  tidy<T>(run: () => T): T;
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
}

/** Its wasm memory has 2 GiB. */
const LIMIT_BYTES = 1.2e9;

/** TensorFlow.js on its wasm backend, on this thread: gather and sum, feature by feature, and concat. */
export async function startTfjs({ workloads, rows, say }: PeerContext, name: string): Promise<Peer> {
  const bagSizes = fixedBagSizes(workloads);
  const bytes = rows.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (bytes > LIMIT_BYTES) throw new Unavailable(`${bytes} bytes of rows are more than its memory takes`);
  const { require, folder, versions } = await installPackages(["@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm"], say);
  const tf = require("@tensorflow/tfjs") as TensorFlow;
  const wasm = require("@tensorflow/tfjs-backend-wasm") as { setWasmPaths(folder: string): void };
  wasm.setWasmPaths(join(folder, "node_modules/@tensorflow/tfjs-backend-wasm/dist/"));
  if (!(await tf.setBackend("wasm"))) throw new Unavailable("its wasm backend does not start here");
  await tf.ready();
  const tables = workloads[0].tables.map(({ numRows, dim }, table) => {
    const own = plainBytes(rows[table]);
    return tf.tensor(new Float32Array(own.buffer, own.byteOffset, own.byteLength / 4), [numRows, dim], "float32");
  });
  const made: TfTensor[] = [];
  const inputsOf = ({ batchSize, indices, offsets }: Batch): TfTensor[] =>
    tables.map((_, table) => {
      const own = indices.slice(offsets[table * batchSize], offsets[(table + 1) * batchSize]);
      return tf.tensor(own, bagSizes[table] === 1 ? [batchSize] : [batchSize, bagSizes[table]], "int32");
    });
  const lookup = (inputs: readonly TfTensor[]): Float32Array =>
    tf.tidy(() => {
      const pooled = inputs.map((indices, table) => {
        const gathered = tf.gather(tables[table], indices);
        return bagSizes[table] === 1 ? gathered : tf.sum(gathered, 1);
      });
      return (pooled.length === 1 ? pooled[0] : tf.concat(pooled, 1)).dataSync();
    });
  return {
    contender: async ({ batches, rowsPerBatch }) => {
      const inputs = new Map(batches.map((batch) => [batch, inputsOf(batch)]));
      made.push(...[...inputs.values()].flat());
      return {
        timed: {
          kind: "sync",
          name,
          unitsPerRun: rowsPerBatch * batches.length,
          run: () => {
            for (const own of inputs.values()) keep(lookup(own)[0]);
          },
        },
        lookup: (some, read) => {
          for (const batch of some) read(lookup(inputs.get(batch) ?? []), batch);
        },
        tolerance: Math.max(...bagSizes) ** 2 * 2 ** -24,
        facts: { peer: versions, threads: 1 },
      };
    },
    close: async () => {
      for (const tensor of [...tables, ...made]) tensor.dispose();
    },
  };
}
