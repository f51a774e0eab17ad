import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withoutChinese } from "../i18n/untranslated.ts";
import { formsZh } from "../i18n/zh/operations/index.ts";
import type { FormField, Forms, Option } from "./entries.ts";
import { translated } from "./translation.ts";

/** Labels that are the same in all languages: numbers, ratios, and names of formats, standards and products. */
const INTERNATIONAL =
  /^(?:[\d.:]+[K°]?|[LMQH]|JPEG|PNG|WebP|AVIF|TIFF|GIF|HEIC|HEIF|MP4|WebM|MOV|RGB|CMYK|DPI|HDR|A[345]|Letter|(?:ISO|US Web) (?:Unc|C)oated|GFPGAN|CodeFormer|GPT Image 2|Nano Banana 2)$/;
/** Helps that are. */
const SIZE = /^\d+ × \d+ mm$/;

test("forms have no name, summary, label, help or option without Chinese", () => {
  const forms = JSON.parse(readFileSync(new URL("../../generated/forms.json", import.meta.url), "utf8")) as Forms;
  const { categories, operations } = translated(forms, formsZh);
  const texts = [
    ...categories.map(({ id, name }) => ({ at: id, text: name })),
    ...operations.flatMap((entry) => [
      { at: `${entry.id}: name`, text: entry.name },
      { at: `${entry.id}: summary`, text: entry.summary },
      ...fieldTexts(entry.fields, entry.id),
      ...presetTexts(entry),
    ]),
  ];
  const missing = texts.filter(
    ({ text }) => !INTERNATIONAL.test(text) && !SIZE.test(text) && withoutChinese([text]).length,
  );
  assert.deepEqual(missing, [], "texts for console/src/i18n/zh/operations");
});

type At = { at: string; text: string };

function fieldTexts(fields: readonly FormField[], at: string): At[] {
  return fields.flatMap((field) => {
    const path = `${at}.${field.name}`;
    return [
      { at: `${path}: label`, text: field.label },
      ...(field.help ? [{ at: `${path}: help`, text: field.help }] : []),
      ...(field.must ? [{ at: `${path}: must`, text: field.must }] : []),
      ...[...(field.options ?? []), ...(field.item?.options ?? [])].flatMap((option) => optionTexts(option, path)),
      ...fieldTexts(field.fields ?? [], path),
    ];
  });
}

function optionTexts({ value, label, help }: Option, at: string): At[] {
  const texts = [{ at: `${at}=${value}: label`, text: label }];
  return help ? [...texts, { at: `${at}=${value}: help`, text: help }] : texts;
}

function presetTexts({
  id,
  presets = [],
}: {
  id: string;
  presets?: readonly { id: string; name: string; summary: string }[];
}) {
  return presets.flatMap((preset) => [
    { at: `${id}/${preset.id}: name`, text: preset.name },
    { at: `${id}/${preset.id}: summary`, text: preset.summary },
  ]);
}
