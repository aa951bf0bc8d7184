/** Imports point downward only; ARCHITECTURE.md draws the layers. Checked by tools/check-imports.mjs. */
const below = (name, from, to, comment) => ({
  name,
  comment,
  severity: "error",
  from: { path: from },
  to: { path: "^(host|bench|test|examples|tools)/", pathNot: to },
});

module.exports = {
  forbidden: [
    { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
    { name: "no-orphans", severity: "error", from: { orphan: true, path: "^host/", pathNot: "\\.d\\.ts$|host/reference\\.ts$" }, to: {} },
    below("errors-stand-alone", "^host/errors\\.ts$", "^$", "errors import nothing of ours"),
    below("rows-are-pure", "^host/rows/", "^host/(rows/|errors\\.ts$)", "row formats know floats and bytes, nothing of tables in engines"),
    below("plan-is-pure", "^host/plan/", "^host/(plan/|rows/|errors\\.ts$)", "the planner knows tables and ranks, nothing of memories or threads"),
    below("collective-knows-bytes-and-ranks", "^host/collective/", "^host/(collective/|errors\\.ts$)", "no tables, no kernels"),
    below("lag-knows-times-and-counters", "^host/lag/", "^host/(lag/|collective/|errors\\.ts$)", "what a lag bound gives is seen from times alone"),
    below("diagnosis-is-pure", "^host/diagnose/", "^host/(diagnose/|lag/|plan/|errors\\.ts$)", "times, plans and counts in, findings out"),
    below("memory-is-a-map", "^host/memory/", "^host/(memory/|plan/|rows/|collective/|errors\\.ts$|options\\.ts$)", "byte maps and kernels, no engine"),
    below("keys-before-lookups", "^host/keys/", "^host/(keys/|memory/|plan/|errors\\.ts$|options\\.ts$)", "loads and checks keys; lookups and threads stand on it"),
    below("shard-runs-on-its-own-thread", "^host/shard/", "^host/(shard/|collective/|memory/|errors\\.ts$)", "nothing of the caller's side crosses the thread line"),
    below("reference-stands-alone", "^host/reference\\.ts$", "^host/(errors|options)\\.ts$", "an oracle that shared code with the product could not tell its bugs"),
    below("tables-know-files", "^host/tables/", "^host/(tables/|rows/|errors\\.ts$|options\\.ts$|direct\\.ts$)", "files in, TableOptions out; no engine, no memories"),
    below("cut-stands-on-tables", "^host/cut/", "^host/(cut/|tables/|errors\\.ts$|options\\.ts$)", "graphs and files, no engine"),
    {
      name: "gang-is-the-one-piscina-import",
      severity: "error",
      from: { path: "^(host|bench|examples)/", pathNot: "^host/gang\\.ts$" },
      to: { path: "node_modules/piscina" },
    },
    below("engine-knows-no-faces", "^host/(?!index)[^/]+\\.ts$|^host/(lookup|shard|plan|memory|collective)/", "^host/(?!(serve|cli|cluster|tables|cut|torch|lab)/)", "servers, command lines and file formats stand on the engine, never the other way"),
    below("torch-stands-on-the-engine", "^host/torch/", "^host/(torch/|tables/|rows/|lookup/|[^/]+\\.ts$)", "an API over the engine: no threads, no collective, no memories"),
    below("serve-protocol-is-pure", "^host/serve/protocol/", "^host/(serve/protocol/|errors\\.ts$)", "requests and answers as data, tested alone: no engine, no server"),
    below("serve-models-know-no-wire", "^host/serve/model/", "^host/(?!serve/(?!model/|protocol/))", "models answer requests of any wire"),
    below("serve-wires-stand-apart", "^host/serve/(rest|grpc)/", "^host/(?!serve/(rest|grpc)/)|^host/serve/$1/", "neither wire knows the other"),
    { name: "nobody-imports-the-index", severity: "error", from: { path: "^host/" }, to: { path: "^host/index\\.ts$" } },
    { name: "host-imports-host", severity: "error", from: { path: "^host/" }, to: { path: "^(bench|test|examples|tools)/" } },
    { name: "no-dev-dependencies", severity: "error", from: { path: "^host/" }, to: { dependencyTypes: ["npm-dev"] } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { extensionAlias: { ".js": [".ts", ".js"] }, conditionNames: ["import", "default"] },
  },
};
