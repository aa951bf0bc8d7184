/** API pages for what the package exports: npm run docs, into build/docs. Any warning fails. */
export default {
  entryPoints: ["host/index.ts", "host/serve/index.ts", "host/stages/onnx.ts"],
  tsconfig: "tsconfig.json",
  out: "build/docs",
  name: "lagbag",
  readme: "docs/api.md",
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  githubPages: false,
  hideGenerator: true,
  treatWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, notDocumented: false },
};
