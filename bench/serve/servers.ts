/** The process that serves: lagbag, a plain fastify handler and, if asked for, fastify with onnxruntime-node, over the same rows. */
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { type FastifyInstance, fastify } from "fastify";
import { serve } from "lagbag/serve";
import { keep } from "../measure/keep.js";
import { type OnnxPeer, startOnnxNode } from "../peers/onnxruntime.js";
import { withScratch } from "../peers/scratch.js";
import { plainVariants, rankVariants } from "../plain/best.js";
import { makePlainJob } from "../plain/lookup.js";
import { oneSample } from "../workloads/shapes.js";
import { type Batch, makeWorkload, materialise, type Workload } from "../workloads/workload.js";
import { MODEL, MODEL_INFER } from "./messages.js";

/** What the process is told as its argument. */
export interface ServersOptions {
  quick: boolean;
  seed: number;
  batchSizes: readonly number[];
  ranks: number;
  onnx: boolean;
}

/** What it tells when all listen. */
export interface Listening {
  rest: number;
  grpc: string;
  plain: number;
  /** Answers with as many bytes as lagbag would, and looks nothing up. */
  empty: string;
  onnx: number | undefined;
  facts: Record<string, string | number>;
}

const { quick, seed, batchSizes, ranks, onnx }: ServersOptions = JSON.parse(process.argv[2]);
const workload = makeWorkload({ ...oneSample({ quick }), batchCount: 1024 }, seed);
const rows = workload.seededTables.map(materialise);

await withScratch(async (folder) => {
  const peer = onnx
    ? await startOnnxNode({ workloads: [workload], rows, folder, dataFile: "", threads: ranks, say: console.error }, "onnxruntime-node")
    : undefined;
  const handle = await serve({
    models: [{ name: MODEL, tables: workload.seededTables, engine: { ranks } }],
    port: 0,
    grpcPort: 0,
    metricsPort: 0,
  });
  await handle.ready;
  const plain = await plainServer();
  const answer: Listening = {
    rest: Number(new URL(handle.restUrl).port),
    grpc: handle.grpcAddress,
    plain: await listen(plain.app),
    empty: await emptyServer(),
    onnx: peer && (await listen(onnxServer(peer))),
    facts: { plainLoops: plain.loops, servers: "one process" },
  };
  process.send?.(answer);
  await new Promise((resolve) => process.once("disconnect", resolve));
});
process.exit(0);

async function listen(app: FastifyInstance): Promise<number> {
  return Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port);
}

/** What grpc-js takes by itself: ModelInfer, its messages as bytes both ways, nothing read and nothing looked up. */
function emptyServer(): Promise<string> {
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  const asIs = (bytes: Buffer): Buffer => bytes;
  const { tables } = workload;
  // An index of 8 bytes and a length of 4 a feature, some names: the samples of a request by its size.
  const requestBytes = tables.length * 12;
  const answerBytes = tables.reduce((sum, { dim }) => sum + dim * 4, 0);
  const answers = new Map<number, Buffer>();
  const answerTo = ({ length }: Buffer): Buffer => {
    const samples = Math.floor(length / requestBytes);
    const answer = answers.get(samples) ?? Buffer.alloc(samples * answerBytes);
    answers.set(samples, answer);
    return answer;
  };
  const method = { ...MODEL_INFER, requestDeserialize: asIs, responseSerialize: asIs, requestStream: false, responseStream: false };
  server.addService(
    { ModelInfer: method },
    { ModelInfer: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => callback(null, answerTo(call.request)) },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(`127.0.0.1:${port}`) : reject(error),
    );
  });
}

/** A fastify that takes bodies as bytes. */
function bytesApp(): FastifyInstance {
  const app = fastify();
  app.addContentTypeParser("application/octet-stream", { parseAs: "buffer", bodyLimit: 2 ** 26 }, (_request, body, done) =>
    done(null, body),
  );
  return app;
}

/** The batch that a body of indices is; bags have one row each. */
function batchOf(body: Buffer, batchSize: number): Batch {
  const bags = workload.tables.length * batchSize;
  if (body.length !== bags * 4) throw new Error(`body: got ${body.length} bytes, expected ${bags * 4}`);
  const aligned = body.byteOffset % 4 === 0 ? body : Uint8Array.from(body);
  const indices = new Int32Array(aligned.buffer as ArrayBuffer, aligned.byteOffset, bags);
  for (const [bag, index] of indices.entries()) {
    if (index < 0 || index >= workload.tables[Math.floor(bag / batchSize)].numRows) throw new Error(`indices[${bag}]: got ${index}`);
  }
  return { batchSize, indices, offsets: Int32Array.from({ length: bags + 1 }, (_, bag) => bag) };
}

/** The best plain loops of this machine behind a handler. */
async function plainServer(): Promise<{ app: FastifyInstance; loops: string }> {
  const app = bytesApp();
  const tables = workload.tables.map(({ dim }, index) => ({ dim, rows: rows[index] }));
  const loops: string[] = [];
  for (const batchSize of batchSizes) {
    const job = makePlainJob(tables, batchSize);
    const own: Workload = makeWorkload({ ...workload, batchSize, batchCount: 256 }, seed);
    let next = 0;
    const [best] = await rankVariants(plainVariants({ dims: tables.map(({ dim }) => dim), bagSize: 1 }), {
      run:
        ({ lookup }) =>
        () => {
          next = (next + 1) % own.batches.length;
          keep(lookup(job, own.batches[next]));
        },
      unitsPerRun: own.rowsPerBatch,
      sampleSeconds: 0.05,
    });
    loops.push(`${batchSize}: ${best.variant.name}`);
    app.post(`/plain/${batchSize}`, (request, reply) => {
      best.variant.lookup(job, batchOf(request.body as Buffer, batchSize));
      const { buffer, byteOffset, byteLength } = job.out;
      // A copy: the next request writes job.out while this answer may still be on its way.
      return reply
        .header("content-type", "application/octet-stream")
        .send(Buffer.from(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)));
    });
  }
  return { app, loops: loops.join("; ") };
}

/** onnxruntime-node behind a handler. */
function onnxServer(peer: OnnxPeer): FastifyInstance {
  const app = bytesApp();
  app.post<{ Params: { batchSize: string } }>("/onnx/:batchSize", async (request, reply) => {
    const values = await peer.run(peer.feeds(batchOf(request.body as Buffer, Number(request.params.batchSize))));
    return reply
      .header("content-type", "application/octet-stream")
      .send(Buffer.from(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength));
  });
  return app;
}
