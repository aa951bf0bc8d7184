import { credentials, makeClientConstructor } from "@grpc/grpc-js";
import type { Batch } from "../workloads/workload.js";
import { HttpConnection } from "./http-client.js";
import { grpcRequest, type Method, MODEL_INFER, plainRequest, restRequest, UNREAD } from "./messages.js";
import type { Listening } from "./servers.js";

const FLOW_CONTROL_BYTES = 4 * 2 ** 20;

/** A server with connections to it: requests are made before anything is timed. */
export interface ServedContender {
  name: string;
  /** Sends the next request of a connection; resolves when the answer is there. */
  next: (connection: number) => Promise<unknown>;
  /** The values that it gives for a batch; undefined: it looks nothing up. */
  values: ((batch: Batch) => Promise<Float32Array>) | undefined;
  close(): void;
}

/** All contenders, with `connections` connections each. */
export async function openContenders(listening: Listening, batches: readonly Batch[], connections: number): Promise<ServedContender[]> {
  const http = (name: string, port: number, make: (batch: Batch) => Buffer) => openHttp(name, { port, make, batches, connections });
  return Promise.all([
    http("fastify, plain loops", listening.plain, (batch) => plainRequest("/plain", batch)),
    http("lagbag, REST binary", listening.rest, restRequest),
    openGrpc("lagbag, gRPC raw", listening.grpc, batches),
    openEmpty(listening.empty, batches),
    ...(listening.onnx === undefined ? [] : [http("fastify, onnxruntime-node", listening.onnx, (batch) => plainRequest("/onnx", batch))]),
  ]);
}

async function openHttp(
  name: string,
  { port, make, batches, connections }: { port: number; make: (batch: Batch) => Buffer; batches: readonly Batch[]; connections: number },
): Promise<ServedContender> {
  const requests = batches.map(make);
  const open = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(port)));
  const next = inTurn(requests);
  return {
    name,
    next: (connection) => open[connection].send(next()),
    values: async (batch) => {
      const { body, headerBytes } = await open[0].send(make(batch));
      return floatsOf(body.subarray(headerBytes));
    },
    close: () => {
      for (const connection of open) connection.close();
    },
  };
}

function openGrpc(name: string, address: string, batches: readonly Batch[]): ServedContender {
  const { call, close } = grpcClient(address, MODEL_INFER);
  const next = inTurn(batches.map(grpcRequest));
  return {
    name,
    next: () => call(next()),
    values: async (batch) => floatsOf((await call(grpcRequest(batch))).raw_output_contents[0]),
    close,
  };
}

/** grpc-js with nothing behind it: the same requests, and answers as long as lagbag's. */
function openEmpty(address: string, batches: readonly Batch[]): ServedContender {
  const { call, close } = grpcClient(address, UNREAD);
  const next = inTurn(batches.map(grpcRequest));
  return { name: "grpc-js, empty handler", next: () => call(next()), values: undefined, close };
}

function grpcClient<T>(
  address: string,
  { path, requestSerialize, responseDeserialize }: Pick<Method<T>, "path" | "requestSerialize" | "responseDeserialize">,
): { call: (request: object) => Promise<T>; close: () => void } {
  const Client = makeClientConstructor({}, "inference");
  const client = new Client(address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": -1,
    // Answers are larger than the 64 KiB that HTTP/2 lets be under way by default.
    "grpc-node.flow_control_window": FLOW_CONTROL_BYTES,
  });
  const call = (request: object): Promise<T> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, reply) => {
        if (error !== null || reply === undefined) reject(error ?? new Error("no reply"));
        else resolve(reply);
      });
    });
  return { call, close: () => client.close() };
}

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** Things in turn, for ever. */
function inTurn<T>(things: readonly T[]): () => T {
  let next = 0;
  return () => {
    const thing = things[next];
    next = (next + 1) % things.length;
    return thing;
  };
}
