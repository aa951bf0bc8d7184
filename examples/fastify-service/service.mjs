import Fastify from "fastify";
import { EmbeddingError, openEngine } from "lagbag";

/** What a client is told for each kind of error; anything else is a 500. */
const STATUS = {
  EMBEDDING_QUEUE_FULL: 429,
  EMBEDDING_TIMEOUT: 504,
  EMBEDDING_CLOSED: 503,
  EMBEDDING_RANK_LOST: 503,
  EMBEDDING_MEMORY_LIMIT: 413,
};
const CALLERS_FAULT = ["EMBEDDING_BATCH", "EMBEDDING_OFFSETS", "EMBEDDING_INDEX_RANGE", "EMBEDDING_WEIGHTS", "EMBEDDING_FEATURE_UNKNOWN"];

const ints = { type: "array", items: { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 } };
const BODY = {
  type: "object",
  required: ["batchSize", "indices", "offsets"],
  additionalProperties: false,
  properties: { batchSize: { type: "integer", minimum: 1, maximum: 4096 }, indices: ints, offsets: ints },
};

/**
 * A fastify app with one route, POST /embed, over an engine of its own. Closing the app closes the engine; requests under way are answered.
 * options: of openEngine.
 */
export async function buildService(options) {
  const engine = await openEngine(options);
  const app = Fastify({ bodyLimit: 2 ** 20, return503OnClosing: true });
  app.addHook("onClose", () => engine.close());
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof EmbeddingError)) return reply.send(error);
    const status = CALLERS_FAULT.includes(error.code) ? 400 : (STATUS[error.code] ?? 500);
    if (status === 429) reply.header("retry-after", "1");
    return reply.code(status).send({ code: error.code, message: error.message });
  });
  app.post("/embed", { schema: { body: BODY } }, async (request) => {
    const { batchSize, indices, offsets } = request.body;
    const result = await engine.lookup({ batchSize, indices: Int32Array.from(indices), offsets: Int32Array.from(offsets) });
    try {
      return { columns: result.columns, values: Array.from(result.values) };
    } finally {
      result.release();
    }
  });
  app.get("/stats", () => engine.stats());
  return app;
}
