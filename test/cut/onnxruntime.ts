/** onnxruntime-node, installed outside of the project by tools/onnxruntime.sh, in a process of its own: it does not know the classes of jest's realm. */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A tensor: integers are INT64, the others FLOAT. */
export interface Tensor {
  type: "int64" | "float32";
  values: number[];
  dims: readonly number[];
}

/** What the process is asked. */
export interface Question {
  /** Folder of onnxruntime-node. */
  runtime: string;
  model: string;
  feeds: Readonly<Record<string, Tensor>>;
}

const ANSWER_MS = 30_000;
let runtime: string | undefined;

/** Runs a model on tensors given by name. */
export function runOnnx(model: string, feeds: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const root = dirname(createRequire(import.meta.url).resolve("lagbag/package.json"));
  runtime ??= execFileSync("bash", [join(root, "tools", "onnxruntime.sh")], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
  const question: Question = { runtime, model, feeds };
  const child = fileURLToPath(new URL("onnxruntime.child.js", import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [child], { input: JSON.stringify(question), encoding: "utf8", timeout: ANSWER_MS }));
}
