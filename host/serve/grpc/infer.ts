import type { ServerDuplexStream, ServerUnaryCall, ServiceError, sendUnaryData } from "@grpc/grpc-js";
import type { InferCall, Inference } from "../inference.js";
import { writeGrpcAnswer, writeStreamError } from "../protocol/grpc-answer.js";
import { readGrpcRequest } from "../protocol/grpc-request.js";
import { RequestError, STATUS, toRequestError } from "../protocol/request-error.js";
import type { Carrier } from "../watch/tracing.js";

type Call = ServerUnaryCall<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/** ModelInfer. */
export async function handleModelInfer(
  inference: Inference,
  call: ServerUnaryCall<Buffer, Buffer>,
  callback: sendUnaryData<Buffer>,
): Promise<void> {
  try {
    callback(null, await infer(inference, call, call.request));
  } catch (error) {
    callback(toServiceError(error) as ServiceError);
  }
}

/**
 * ModelStreamInfer: answers come in the order in which they are ready; an id tells whose they are. A request that fails is answered
 * with its error and ends nothing. Reading stops while many are under way.
 */
export function handleModelStreamInfer(inference: Inference, call: ServerDuplexStream<Buffer, Buffer>): void {
  let underWay = 0;
  let ended = false;
  const settle = (): void => {
    underWay -= 1;
    if (ended && underWay === 0) call.end();
    else if (underWay < MAX_STREAMED && call.isPaused()) call.resume();
  };
  call.on("data", (bytes: Buffer) => {
    underWay += 1;
    if (underWay >= MAX_STREAMED) call.pause();
    infer(inference, call, bytes, { within: true })
      .catch((error: unknown) => writeStreamError(toRequestError(error).message))
      .then((answer) => {
        if (!call.cancelled) call.write(answer);
        settle();
      });
  });
  call.on("end", () => {
    ended = true;
    if (underWay === 0) call.end();
  });
  call.on("error", () => {});
}

/** Requests of one stream that may be under way together. */
const MAX_STREAMED = 64;

async function infer(inference: Inference, call: Call, bytes: Buffer, how: { within?: boolean } = {}): Promise<Buffer> {
  const arrivedMs = performance.now();
  const { budget } = inference.parts;
  budget.take(bytes.length);
  try {
    const deadline = deadlineOf(call);
    return await inference.run({
      wire: "grpc",
      arrivedMs,
      carrier: () => call.metadata.getMap() as Carrier,
      read: (find) => {
        const request = readGrpcRequest(bytes);
        return { model: find(request.modelName, request.modelVersion), request };
      },
      ...deadline,
      signal: () => goneSignal(call),
      write: (answer) => writeGrpcAnswer(answer, how),
    });
  } finally {
    budget.give(bytes.length);
  }
}

function deadlineOf(call: Call): Pick<InferCall<unknown>, "deadlineEpochMs"> {
  const deadline = Number(call.getDeadline());
  return Number.isFinite(deadline) ? { deadlineEpochMs: deadline } : {};
}

function goneSignal(call: Call): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error("the client cancelled the call"));
  if (call.cancelled) abort();
  else call.once("cancelled", abort);
  return controller.signal;
}

/** What grpc-js sends as status and details. */
export function toServiceError(error: unknown): Pick<ServiceError, "code" | "details"> {
  const { kind, message } = error instanceof RequestError ? error : toRequestError(error);
  return { code: STATUS[kind].grpc, details: message };
}
