// Writes the types of the JSON API, from the OpenAPI document that `python -m reference openapi generated/openapi` has written.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const HERE = new URL("../", import.meta.url);
const DOCUMENTS = { v1: "openapi.json" };

await mkdir(new URL("generated/", HERE), { recursive: true });
for (const [name, file] of Object.entries(DOCUMENTS)) {
  const document = JSON.parse(await readFile(new URL(`generated/openapi/${file}`, HERE), "utf8"));
  await writeFile(new URL(`generated/${name}.ts`, HERE), astToString(await openapiTS(document)));
}
