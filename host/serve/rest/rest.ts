import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { Server as NetServer } from "node:net";
import { type FastifyInstance, type FastifyReply, fastify } from "fastify";
import type { Access } from "../access.js";
import type { Inference } from "../inference.js";
import { EXTENSIONS, SERVER_NAME } from "../model/describe.js";
import { RequestError, STATUS } from "../protocol/request-error.js";
import { show } from "../protocol/tensors.js";
import { readBody } from "./body.js";
import { writeError } from "./error.js";
import { InferRoute } from "./infer.js";
import { addModelRoutes } from "./models.js";

/** A request's headers and body have to be there in this time. */
const REQUEST_TIMEOUT_MS = 120_000;
/** An idle connection is kept so long: longer than the usual load balancers', which shall be the ones to close. */
const KEEP_ALIVE_MS = 75_000;
/** While draining, a connection that has been idle for so long is closed. */
const DRAIN_IDLE_MS = 250;
/** Probes ask without a token. */
const OPEN_PATHS = new Set(["/v2/health/live", "/v2/health/ready"]);

export interface RestOptions {
  inference: Inference;
  access: Access;
  tls: { cert: Buffer; key: Buffer } | undefined;
  /** The package's version. */
  version: string;
  /** The status page. */
  page: () => { html: string; policy: string };
}

/** The REST side: Node's server, with inferences taken off it and all else handed to fastify. */
export class RestServer {
  readonly #app: FastifyInstance;
  readonly #server: Server;
  readonly #infer: InferRoute;

  constructor(options: RestOptions) {
    const { inference, access, tls } = options;
    const { limits, budget, log } = inference.parts;
    const infer = new InferRoute(inference, access);
    const serverFactory = (handler: RequestListener): Server => {
      const listener: RequestListener = (request, response) => {
        if (!infer.take(request, response)) handler(request, response);
      };
      return tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    };
    const app = fastify({ serverFactory, return503OnClosing: false, routerOptions: { maxParamLength: 1024 } });
    this.#infer = infer;
    this.#app = app;
    this.#server = app.server;
    Object.assign(app.server, { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (request, _payload, done) => {
      const give = (body: Buffer): void => {
        // The few bytes of these requests are gone before the next one is read.
        budget.give(body.length);
        done(null, body);
      };
      readBody(request.raw, limits, budget).then(give, done);
    });
    app.setErrorHandler((error, request, reply) => {
      reply.hijack();
      const cause = isOfFastify(error) ? new RequestError("invalid", error.message) : error;
      writeError(reply.raw, cause, { log, url: request.url, last: infer.draining });
    });
    app.setNotFoundHandler((request) => {
      throw new RequestError("not_found", `${request.method} ${show(request.url)}: got no such endpoint`);
    });
    app.addHook("onRequest", (request, reply, done) => {
      if (infer.draining) reply.header("connection", "close");
      try {
        if (!OPEN_PATHS.has(request.url)) access.check(request.headers.authorization);
        done();
      } catch (error) {
        done(error as Error);
      }
    });
    this.#addRoutes(options);
  }

  #addRoutes({ inference, version, page }: RestOptions): void {
    const { repository } = inference.parts;
    const app = this.#app;
    app.get("/", (_request, reply) => {
      const { html, policy } = page();
      return reply
        .header("content-type", "text/html; charset=utf-8")
        .header("content-security-policy", policy)
        .header("cache-control", "no-store")
        .send(html);
    });
    app.get("/v2", () => ({ name: SERVER_NAME, version, extensions: EXTENSIONS }));
    // The specification's text and its schema disagree about the key: both are there.
    const health = (reply: FastifyReply, good: boolean) =>
      reply.code(good ? 200 : STATUS.unavailable.http).send({ live: repository.live, ready: repository.ready });
    app.get("/v2/health/live", (_request, reply) => health(reply, repository.live));
    app.get("/v2/health/ready", (_request, reply) => health(reply, repository.ready));
    addModelRoutes(app, repository);
  }

  /** Resolves to the port. */
  async listen(host: string, port: number): Promise<number> {
    await this.#app.listen({ host, port });
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /**
   * Takes no new connections; answers what comes on open ones, and tells each that it is the last. Resolves when all are closed. A
   * connection is closed when it has been idle for a while, not at once: a request may be on its way in it.
   */
  async drain(): Promise<void> {
    this.#infer.draining = true;
    const server = this.#server;
    // http.Server.close would close idle connections here and now.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
    const idle = setInterval(() => server.closeIdleConnections(), DRAIN_IDLE_MS);
    await closed;
    clearInterval(idle);
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await this.#app.close();
  }
}

function isOfFastify(error: unknown): error is Error {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && code.startsWith("FST_ERR_");
}
