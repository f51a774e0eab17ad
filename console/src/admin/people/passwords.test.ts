import assert from "node:assert/strict";
import { test } from "node:test";
import { madeUpPassword } from "./passwords.ts";

test("a made-up password has what the server asks for, and is another one each time", () => {
  const made = Array.from({ length: 200 }, madeUpPassword);
  for (const password of made) assert.match(password, /^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[a-zA-Z0-9]{16}$/);
  assert.equal(new Set(made).size, made.length);
});
