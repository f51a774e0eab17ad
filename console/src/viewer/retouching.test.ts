import assert from "node:assert/strict";
import { test } from "node:test";
import { beginsWith, retouchedName } from "./retouching.ts";

test("a list begins with another", () => {
  const [one, two] = [{}, {}];
  assert.ok(beginsWith([one, two], [one]));
  assert.ok(beginsWith([one], []));
  assert.ok(!beginsWith([one], [one, two]));
  assert.ok(!beginsWith([two, one], [one]));
});

test("a retouched picture is a PNG with a name of its own", () => {
  assert.equal(retouchedName("a.b-cutout.webp"), "a.b-cutout-retouched.png");
  assert.equal(retouchedName("picture"), "picture-retouched.png");
});
