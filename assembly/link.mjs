/**
 * The link step: what asc emits (one memory, unoptimised, names kept) -> dist/kernel-one.wasm and dist/kernel-two.wasm.
 *
 * AssemblyScript 0.19 knows one memory. In the two-memory build every load and store inside the functions of
 * assembly/exchange.ts gets the memory `$exchange`; the one-memory build leaves them alone. Then Binaryen inlines, optimises and
 * writes both. docs/decisions/0001-toolchain.md says why it is done this way.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";

const INPUT = "build/kernel/asc.wasm";
const OUTPUTS = { one: "dist/kernel-one.wasm", two: "dist/kernel-two.wasm" };
const EXCHANGE_FUNCTION = /^ \(func \$assembly\/exchange\//;
const ANY_FUNCTION = /^ \(func /;
const MEMORY_OPERATION = /\((v128|i32|i64|f32|f64)\.(load|store)[0-9a-z_]*|\(memory\.(copy|fill|init)/;
const PLAIN_LOAD_OR_STORE = /\(((?:v128|i32|i64|f32|f64)\.(?:load|store)(?:8_s|8_u|16_s|16_u|8|16)?)(?=\s|$)/;
const AS_BIND_SECTION = "as-bind_bindings";
/**
 * The innermost loops stay functions of their own: V8 optimises a small function sooner than all of poolPiece, and has more registers for
 * it. Node 20, W4: 0.60 -> 0.67 of C.
 */
const LOOPS = [
  "assembly/pool/foldVectors<*",
  "assembly/pool/foldTail<*",
  "assembly/gather/touchLines<*",
  "assembly/gather/touchAnyLines<*",
  "assembly/gather/copyVectors<*",
];
/** The first page of every memory is kept free for the module's static bytes. */
const STATIC_LIMIT_BYTES = 65536;

const { Features } = binaryen;
const FEATURES =
  Features.MultiMemory |
  Features.SIMD128 |
  Features.Atomics |
  Features.BulkMemory |
  Features.BulkMemoryOpt |
  Features.MutableGlobals |
  Features.SignExt |
  Features.NontrappingFPToInt;

function fail(message) {
  throw new Error(`link: ${message}`);
}

/** The module's text with the loads and stores of exchange.ts moved to the memory `$exchange`. */
function retarget(text) {
  let inside = false;
  let moved = 0;
  const lines = text.split("\n").map((line) => {
    if (ANY_FUNCTION.test(line)) inside = EXCHANGE_FUNCTION.test(line);
    if (!inside || !MEMORY_OPERATION.test(line)) return line;
    if (!PLAIN_LOAD_OR_STORE.test(line)) fail(`cannot retarget this line of assembly/exchange.ts: ${line.trim()}`);
    moved += 1;
    return line.replace(PLAIN_LOAD_OR_STORE, "($1 $exchange");
  });
  if (moved === 0) fail("found no load or store in assembly/exchange.ts: did asc drop the names?");
  const memoryImport = lines.findIndex((line) => line.includes('(import "env" "memory"'));
  if (memoryImport < 0) fail('expected an import of "env" "memory"');
  lines.splice(memoryImport + 1, 0, ' (import "env" "exchange" (memory $exchange 1 65536 shared))');
  return lines.join("\n");
}

function link(text, bindings, output) {
  const module = binaryen.parseText(text);
  module.setFeatures(FEATURES);
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  if (!module.validate()) fail(`${output} does not validate`);
  for (const loop of LOOPS) {
    binaryen.setPassArgument("no-inline", loop);
    module.runPasses(["no-inline"]);
  }
  module.optimize();
  if (!module.validate()) fail(`${output} does not validate after optimising`);
  module.addCustomSection(AS_BIND_SECTION, new Uint8Array(bindings));
  writeFileSync(output, module.emitBinary());
  module.dispose();
}

const bytes = readFileSync(INPUT);
const [bindings] = WebAssembly.Module.customSections(new WebAssembly.Module(bytes), AS_BIND_SECTION);
if (bindings === undefined) fail(`${INPUT} has no ${AS_BIND_SECTION} section: was the as-bind transform on?`);
const source = binaryen.readBinary(bytes, FEATURES);
const text = source.emitText();
source.dispose();
const heapBase = Number(/\(global \$~lib\/memory\/__heap_base i32 \(i32\.const (\d+)\)/.exec(text)?.[1] ?? fail("no __heap_base"));
if (heapBase > STATIC_LIMIT_BYTES) fail(`static bytes: got ${heapBase}, expected at most ${STATIC_LIMIT_BYTES}`);

mkdirSync("dist", { recursive: true });
link(text, bindings, OUTPUTS.one);
link(retarget(text), bindings, OUTPUTS.two);
