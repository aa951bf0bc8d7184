/** The part of JSON Schema (draft 2020-12) that report.schema.json uses. */
export interface Schema {
  $ref?: string;
  $defs?: Readonly<Record<string, Schema>>;
  type?: "object" | "array" | "string" | "number" | "integer" | "boolean";
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly Schema[];
  required?: readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  additionalProperties?: Schema;
  items?: Schema;
}

/** Says what is wrong with a value, with its path; undefined when it fits. Keywords that Schema does not have are not looked at. */
export function schemaError(schema: Schema, value: unknown, root: Schema = schema, path = "report"): string | undefined {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace("#/$defs/", "");
    const target = root.$defs?.[name];
    if (target === undefined) throw new Error(`schema: no definition ${schema.$ref}`);
    return schemaError(target, value, root, path);
  }
  if (schema.const !== undefined && value !== schema.const) return wrong(path, value, JSON.stringify(schema.const));
  if (schema.enum !== undefined && !schema.enum.includes(value)) return wrong(path, value, `one of ${schema.enum.join(", ")}`);
  if (schema.type !== undefined && !isOfType(value, schema.type)) return wrong(path, value, `a value of type ${schema.type}`);
  if (schema.anyOf?.every((one) => schemaError(one, value, root, path) !== undefined)) {
    return wrong(path, value, "another kind of value");
  }
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return undefined;
    return firstError(value.map((item, n) => () => schemaError(items, item, root, `${path}[${n}]`)));
  }
  if (typeof value === "object" && value !== null) return objectError(schema, value as Record<string, unknown>, { root, path });
  return undefined;
}

function objectError(schema: Schema, value: Record<string, unknown>, { root, path }: { root: Schema; path: string }): string | undefined {
  const missing = schema.required?.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return `${path}: got no ${missing}, expected one`;
  return firstError(
    Object.entries(value).map(([name, part]) => () => {
      const own = schema.properties !== undefined && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
      const expected = own ?? schema.additionalProperties;
      return expected === undefined ? undefined : schemaError(expected, part, root, `${path}.${name}`);
    }),
  );
}

function firstError(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const error = check();
    if (error !== undefined) return error;
  }
  return undefined;
}

function isOfType(value: unknown, type: NonNullable<Schema["type"]>): boolean {
  switch (type) {
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function wrong(path: string, value: unknown, expected: string): string {
  return `${path}: got ${(JSON.stringify(value) ?? String(value)).slice(0, 60)}, expected ${expected}`;
}
