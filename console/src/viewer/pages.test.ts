import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pageCount } from "./pages.ts";

const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;

test("a document says how many pages it has", async () => {
  assert.equal(await pageCount(bytes("<< /Type /Pages /Kids [4 0 R] /Count 2 >> << /Count 5 /Type/Pages >>")), 5);
  assert.equal(await pageCount(bytes("<< /Type /ObjStm /Length 3 >> stream\nabc endstream")), undefined);
  const { buffer, byteOffset, length } = readFileSync(new URL("../../../samples/report.pdf", import.meta.url));
  assert.equal(await pageCount(buffer.slice(byteOffset, byteOffset + length) as ArrayBuffer), 3);
});
