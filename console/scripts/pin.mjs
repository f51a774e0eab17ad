// Pins in package.json what npm has installed: the version of each package that others need, and the hash of all. After a change of
// `dependencies`: remove `overrides` and `integrity`, then `npm install --no-package-lock --ignore-scripts`, then this.
import { readFile, writeFile } from "node:fs/promises";

const FILE = new URL("../package.json", import.meta.url);
const described = JSON.parse(await readFile(FILE, "utf8"));
const installed = JSON.parse(await readFile(new URL("../node_modules/.package-lock.json", import.meta.url), "utf8"));

const packages = Object.entries(installed.packages)
  .map(([path, { version, integrity }]) => ({ name: path.split("node_modules/").at(-1), version, integrity }))
  .sort((one, other) => (one.name < other.name ? -1 : 1));
const named = { ...described.dependencies, ...described.devDependencies };
described.overrides = Object.fromEntries(
  packages.filter(({ name }) => !named[name]).map(({ name, version }) => [name, version]),
);
described.integrity = Object.fromEntries(
  packages.map(({ name, version, integrity }) => [`${name}@${version}`, integrity]),
);
await writeFile(FILE, `${JSON.stringify(described, null, 2)}\n`);
