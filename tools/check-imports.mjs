/** Proves that imports point downward. Fails as well when it saw suspiciously little: a cruise that sees nothing finds nothing. */
import { cruise } from "dependency-cruiser";
import extractTSConfig from "dependency-cruiser/config-utl/extract-ts-config";
import rules from "../.dependency-cruiser.cjs";

const LEAST_MODULES = 30;
const { options, ...ruleSet } = rules;
const { output } = await cruise(["host"], { ...options, ruleSet, validate: true }, {}, { tsConfig: extractTSConfig("tsconfig.json") });
const { totalCruised, totalDependenciesCruised, violations } = output.summary;
for (const { from, to, rule } of violations) console.error(`${rule.name}: ${from} -> ${to}`);
if (totalCruised < LEAST_MODULES || totalDependenciesCruised < LEAST_MODULES) {
  console.error(
    `saw ${totalCruised} modules and ${totalDependenciesCruised} imports, expected at least ${LEAST_MODULES} of each: is the cruise broken?`,
  );
  process.exitCode = 1;
}
if (violations.length > 0) process.exitCode = 1;
console.log(`imports: ${totalCruised} modules, ${totalDependenciesCruised} dependencies, ${violations.length} violations`);
