import assert from "node:assert/strict";
import { test } from "node:test";
import { networksIn } from "./networks.ts";

test("networks in any order of separators, each once", () => {
  assert.deepEqual(networksIn("203.0.113.0/24, 2001:db8::/48\n10.0.0.1  203.0.113.0/24"), [
    "203.0.113.0/24",
    "2001:db8::/48",
    "10.0.0.1",
  ]);
  assert.deepEqual(networksIn("  \n"), []);
});
