/** Cuts the file that it reads, and is slow: prints the code of the error that its reader gets. In a process of its own, as jest's hears of no stray rejections. */
import { truncateSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { openModels } from "lagbag";

const [model] = await openModels(process.argv[2]);
try {
  for await (const _ of model.tables[0].rows as AsyncIterable<Float32Array>) {
    truncateSync(model.path, 1000);
    await setTimeout(50);
  }
} catch (error) {
  console.log((error as { code?: string }).code);
}
await model.close();
