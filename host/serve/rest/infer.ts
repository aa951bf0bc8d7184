import type { FastifyReply, FastifyRequest } from "fastify";
import type { Inference } from "../inference.js";
import { wantsBinary } from "../protocol/request.js";
import { invalid } from "../protocol/request-error.js";
import { writeRestAnswer } from "../protocol/rest-answer.js";
import { RestRequestReader } from "../protocol/rest-request.js";
import { show } from "../protocol/tensors.js";

const NO_BODY = Buffer.alloc(0);
const HEADER_LENGTH = "inference-header-content-length";

/** Parameters of a route below /v2/models. */
export interface ModelParams {
  model: string;
  version?: string;
}

/** The handler of POST /v2/models/M[/versions/V]/infer. */
export function inferHandler(inference: Inference): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  const { budget, limits } = inference.parts;
  const reader = new RestRequestReader(limits);
  return async (request, reply) => {
    const arrivedMs = performance.now();
    const { model, version = "" } = request.params as ModelParams;
    const body = (request.body as Buffer | undefined) ?? NO_BODY;
    try {
      const answer = await inference.run({
        wire: "rest",
        arrivedMs,
        carrier: () => request.headers,
        read: (find) => ({ model: find(model, version), request: reader.read(body, headerBytes(request)) }),
        signal: () => goneSignal(reply),
        write: (given, asked) => writeRestAnswer(given, wantsBinary(asked)),
      });
      if (answer.headerBytes === undefined) reply.header("content-type", "application/json");
      else reply.header("content-type", "application/octet-stream").header(HEADER_LENGTH, answer.headerBytes);
      return reply.send(answer.body);
    } finally {
      budget.give(body.length);
    }
  };
}

/** @throws RequestError */
function headerBytes({ headers }: FastifyRequest): number | undefined {
  const text = headers[HEADER_LENGTH];
  if (text === undefined) return undefined;
  if (typeof text !== "string" || !/^\d{1,15}$/.test(text))
    throw invalid(`Inference-Header-Content-Length: got ${show(String(text))}, expected bytes of JSON`);
  return Number(text);
}

/** Fires when the client closes its connection before the answer is out. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once("close", () => {
    if (!raw.writableFinished) controller.abort(new Error("the client closed its connection"));
  });
  if (raw.destroyed) controller.abort(new Error("the client closed its connection"));
  return controller.signal;
}
