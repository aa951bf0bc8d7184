import type { FastifyInstance, FastifyRequest } from "fastify";
import { configureModel, describeIndex, describeModel, describeStatistics } from "../model/describe.js";
import type { Model } from "../model/model.js";
import type { Repository } from "../model/repository.js";
import { RequestError } from "../protocol/request-error.js";
import { parseObject } from "../protocol/rest-request.js";

/** Parameters of a route below /v2/models. */
interface ModelParams {
  model: string;
  version?: string;
}

/** Everything below /v2/models and /v2/repository but inference. */
export function addModelRoutes(app: FastifyInstance, repository: Repository): void {
  const find = (request: FastifyRequest): Model => {
    const { model, version } = request.params as ModelParams;
    return repository.find(model, version);
  };
  app.get("/v2/models/stats", () => ({ model_stats: repository.models.map(describeStatistics) }));
  for (const path of ["/v2/models/:model", "/v2/models/:model/versions/:version"]) {
    app.get(path, (request) => {
      const model = find(request);
      return { ...describeModel(model), versions: repository.versions(model.name).map(({ version }) => version) };
    });
    app.get(`${path}/ready`, (request) => {
      const model = find(request);
      if (model.state !== "READY" || repository.draining) throw notReady(model, repository);
      return { name: model.name, ready: true };
    });
    app.get(`${path}/config`, (request) => configureModel(find(request)));
    app.get(`${path}/stats`, (request) => {
      const { model, version } = request.params as ModelParams;
      const models = version === undefined ? repository.versions(model) : [repository.find(model, version)];
      return { model_stats: models.map(describeStatistics) };
    });
  }
  app.post("/v2/repository/index", (request) => {
    const body = request.body as Buffer | undefined;
    const { ready } = body === undefined || body.length === 0 ? {} : parseObject(body.toString("utf8"));
    return repository.models.filter(({ state }) => ready !== true || state === "READY").map(describeIndex);
  });
  for (const act of ["load", "unload"]) {
    app.post(`/v2/repository/models/:model/${act}`, () => {
      throw new RequestError("unimplemented", `${act}: models are those that the server was started with`);
    });
  }
}

function notReady(model: Model, repository: Repository): RequestError {
  const why = repository.draining ? "the server is draining" : model.reason || "its tables are being read in";
  return new RequestError("unavailable", `model ${JSON.stringify(model.name)} is not ready: ${why}`);
}
