// Writes src/generated from the OpenAPI document of `/v1`: its types, and a function and a method for each operation. The document and the
// generator of types are those of the console: `console/generated/openapi/openapi.json`, written by `python -m reference openapi`.
import { mkdir, readFile, writeFile } from "node:fs/promises";

const CONSOLE = new URL("../../../console/", import.meta.url);
const TARGET = new URL("../src/generated/", import.meta.url);
const { default: openapiTS, astToString } = await import(new URL("node_modules/openapi-typescript/dist/index.mjs", CONSOLE));

const { openapi, info, components } = JSON.parse(await readFile(new URL("generated/openapi/openapi.json", CONSOLE), "utf8"));
const schemas = components.schemas;
const operations = Object.entries(schemas.Operation.properties).map(([name, { $ref, description }]) => ({
  name,
  schema: $ref.split("/").at(-1),
  description,
  optional: schemas[$ref.split("/").at(-1)].required?.length ? "" : " = {}",
}));

/** The schemas that one refers to, itself included. */
function reachable(name, found = new Set()) {
  if (!found.has(name)) {
    found.add(name);
    for (const [, other] of JSON.stringify(schemas[name]).matchAll(/"#\/components\/schemas\/(\w+)"/g)) reachable(other, found);
  }
  return found;
}

/** The prefix that all names of an enum share, such as `FIT_`; empty for values that are no names. */
function prefixOf(names) {
  if (!names.every((name) => typeof name === "string" && /^[A-Z0-9_]+$/.test(name))) return "";
  let length = 0;
  while (names[0][length] && names.every((name) => name[length] === names[0][length])) length += 1;
  return names[0].slice(0, names[0].slice(0, length).lastIndexOf("_") + 1);
}

/** Options as programs write them: `crop` for `FIT_CROP`, and ids of files as records have them. */
function written(property) {
  if (property.items) return { ...property, items: written(property.items) };
  if (property.format === "int64") return { description: property.description, oneOf: [{ type: "string" }, { type: "integer" }] };
  if (property.type !== "string" || !property.enum) return property;
  const prefix = prefixOf(property.enum);
  return prefix ? { ...property, enum: property.enum.map((name) => name.slice(prefix.length).toLowerCase()) } : property;
}

/** The prefixes of a schema's enums by field, with those of the messages inside it. */
function prefixes(name) {
  const found = {};
  for (const [field, property] of Object.entries(schemas[name].properties ?? {})) {
    const of = property.items ?? property;
    const inner = of.$ref ? prefixes(of.$ref.split("/").at(-1)) : of.type === "string" && of.enum && prefixOf(of.enum);
    if (typeof inner === "string" ? inner : inner && Object.keys(inner).length) found[field] = inner;
  }
  return found;
}

const types = async (document) => astToString(await openapiTS(document));
const options = Object.fromEntries(
  [...reachable("Operation")].map((name) => {
    const fields = Object.entries(schemas[name].properties ?? {}).map(([field, each]) => [field, written(each)]);
    return [name, { ...schemas[name], properties: Object.fromEntries(fields) }];
  }),
);
const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const comment = (text) => `/** ${text.replaceAll("*/", "* /")} */`;
const table = Object.fromEntries(operations.map(({ name, schema }) => [name, prefixes(schema)]));
const code = `import type { Inputs } from "../content.ts";
import { type Operation, type Options, operation } from "../operation.ts";
import type { RunOptions, Task } from "../types.ts";

/** Builds operations for \`run\`, \`createTask\`, pipelines and batches. */
export const operations = {
${operations.map(({ name, description, optional }) => `  ${comment(description)}\n  ${camel(name)}: (options: Options<"${name}">${optional}): Operation => operation("${name}", options),`).join("\n")}
};

/** A method for each operation: uploads the inputs that are not on the server yet, runs it, and returns the task when it has succeeded. */
export abstract class OperationMethods {
  abstract run(inputs: Inputs, operations: readonly Operation[], options?: RunOptions): Promise<Task>;
${operations
  .map(
    ({ name, description, optional }) => `
  ${comment(description)}
  ${camel(name)}(inputs: Inputs, options: Options<"${name}">${optional}, run: RunOptions = {}): Promise<Task> {
    return this.run(inputs, [operations.${camel(name)}(options)], run);
  }`,
  )
  .join("\n")}
}
`;

await mkdir(TARGET, { recursive: true });
await writeFile(new URL("v1.ts", TARGET), await types({ openapi, info, paths: {}, components: { schemas } }));
await writeFile(new URL("options.ts", TARGET), await types({ openapi, info, paths: {}, components: { schemas: options } }));
await writeFile(
  new URL("prefixes.ts", TARGET),
  `/** By operation, the prefixes of its enums' names. */\nexport const PREFIXES = ${JSON.stringify(table, null, 2)};\n`,
);
await writeFile(new URL("operations.ts", TARGET), code);
