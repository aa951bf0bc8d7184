import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { keep } from "../measure/keep.js";
import type { Batch, Workload } from "../workloads/workload.js";
import { embeddingModel, indicesName, type RowsPlace } from "./onnx.js";
import { type Installed, installPackages } from "./packages.js";
import { fixedBagSizes, type Peer, type PeerContext, plainBytes, Unavailable } from "./peer.js";

/** The part of onnxruntime-common that is used here. */
interface Tensor {
  data: Float32Array;
  dispose(): void;
}
type Feeds = Record<string, Tensor>;
interface Session {
  run(feeds: Feeds): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}
interface OnnxRuntime {
  Tensor: new (type: "int32", data: Int32Array, dims: readonly number[]) => Tensor;
  InferenceSession: { create(model: string | Uint8Array, options: object): Promise<Session> };
  env: { wasm: { numThreads?: number; wasmPaths?: string }; logLevel?: string };
}

/** wasm has 4 GiB, and a model is in there twice while it is loaded. */
const WEB_LIMIT_BYTES = 1e9;

/** A model in onnxruntime: single lookups and whole rotations. */
export class OnnxPeer implements Peer {
  readonly #name: string;
  readonly #ort: OnnxRuntime;
  readonly #session: Session;
  readonly #facts: { peer: string; threads: number };

  constructor(name: string, parts: { ort: OnnxRuntime; session: Session; facts: { peer: string; threads: number } }) {
    this.#name = name;
    this.#ort = parts.ort;
    this.#session = parts.session;
    this.#facts = parts.facts;
  }

  /** A batch's inputs as tensors over its own indices. */
  feeds({ batchSize, indices, offsets }: Batch): Feeds {
    const features = (offsets.length - 1) / batchSize;
    const feeds: Feeds = {};
    for (let feature = 0; feature < features; feature += 1) {
      const own = indices.subarray(offsets[feature * batchSize], offsets[(feature + 1) * batchSize]);
      const bagSize = own.length / batchSize;
      feeds[indicesName(feature)] = new this.#ort.Tensor("int32", own, bagSize === 1 ? [batchSize] : [batchSize, bagSize]);
    }
    return feeds;
  }

  /** The values, [batchSize, columns]. */
  async run(feeds: Feeds): Promise<Float32Array> {
    return (await this.#session.run(feeds)).values.data;
  }

  async contender({ batches, rowsPerBatch, bagSizes }: Workload) {
    const inputs = batches.map((batch) => this.feeds(batch));
    return {
      timed: {
        kind: "async" as const,
        name: this.#name,
        unitsPerRun: rowsPerBatch * batches.length,
        run: async (): Promise<void> => {
          for (let n = 0; n < inputs.length; n += 1) keep((await this.run(inputs[n]))[0]);
        },
      },
      lookup: async (some: readonly Batch[], read: (values: Float32Array, batch: Batch) => void): Promise<void> => {
        for (const batch of some) read(await this.run(this.feeds(batch)), batch);
      },
      tolerance: Math.max(...bagSizes) ** 2 * 2 ** -24,
      facts: this.#facts,
    };
  }

  close(): Promise<void> {
    return this.#session.release();
  }
}

/** onnxruntime's CPU library. Rows lie in a file that it maps: a model with more than 2 GB in it cannot be read. */
export async function startOnnxNode(context: PeerContext, name: string): Promise<OnnxPeer> {
  const { workloads, rows, folder, threads } = context;
  fixedBagSizes(workloads);
  const installed = await install(context);
  const ort = installed.require("onnxruntime-node") as OnnxRuntime;
  const path = join(folder, "model.onnx");
  const places = writeRows(join(folder, "model.rows"), rows);
  writeWhole(path, [embeddingModel(workloads[0], places)]);
  const session = await ort.InferenceSession.create(path, {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
  });
  return new OnnxPeer(name, { ort, session, facts: { peer: installed.versions, threads } });
}

async function install({ say }: PeerContext): Promise<Installed> {
  return installPackages(["onnxruntime-node"], say);
}

/** onnxruntime as wasm with SIMD, on this thread. */
export async function startOnnxWeb({ workloads, rows, say }: PeerContext, name: string): Promise<OnnxPeer> {
  fixedBagSizes(workloads);
  const bytes = rows.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (bytes > WEB_LIMIT_BYTES) throw new Unavailable(`${bytes} bytes of rows are more than its memory takes`);
  const installed = await installPackages(["onnxruntime-web"], say);
  const module = (await import(pathToFileURL(installed.require.resolve("onnxruntime-web")).href)) as {
    default?: OnnxRuntime;
  } & OnnxRuntime;
  const ort = module.InferenceSession === undefined ? (module.default as OnnxRuntime) : module;
  ort.env.wasm.numThreads = 1;
  const model = embeddingModel(
    workloads[0],
    rows.map((values) => ({ bytes: plainBytes(values) })),
  );
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  return new OnnxPeer(name, { ort, session, facts: { peer: installed.versions, threads: 1 } });
}

function writeRows(file: string, rows: readonly Float32Array[]): RowsPlace[] {
  let offset = 0;
  const places = rows.map(({ byteLength }) => {
    const place = { file: "model.rows", offset, length: byteLength };
    // Onto pages, so that they can be mapped.
    offset += Math.ceil(byteLength / 65536) * 65536;
    return place;
  });
  const pieces = rows.map((values): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  writeWhole(file, pieces, (n) => places[n].offset);
  return places;
}

/** Writes pieces one after the other, or each at its own place. */
function writeWhole(path: string, pieces: readonly Uint8Array[], offsetOf?: (piece: number) => number): void {
  const file = openSync(path, "wx", 0o600);
  try {
    let end = 0;
    for (const [n, piece] of pieces.entries()) {
      const start = offsetOf?.(n) ?? end;
      // write(2) takes 2 GiB at most.
      for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at, Math.min(piece.length - at, 2 ** 30), start + at);
      end = start + piece.length;
    }
  } finally {
    closeSync(file);
  }
}
