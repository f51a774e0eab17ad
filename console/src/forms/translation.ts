import type { FormTexts, OperationTexts, OptionTexts } from "../i18n/formTexts.ts";
import type { FormEntry, FormField, Forms, Option, Preset, ValueForm } from "./entries.ts";

/** The forms with the texts of a language; texts that it lacks stay English. */
export function translated(forms: Forms, texts: FormTexts): Forms {
  return {
    ...forms,
    categories: forms.categories.map((each) => ({ ...each, name: texts.categories[each.id] ?? each.name })),
    operations: forms.operations.map((entry) => translatedEntry(entry, texts)),
  };
}

function translatedEntry(entry: FormEntry, texts: FormTexts): FormEntry {
  const own = texts.operations[entry.id];
  if (!own) return entry;
  const { name, summary } = entry;
  const fields = entry.fields.map((field) => translatedField(field, "", own, texts));
  const presets = entry.presets?.map((preset) => translatedPreset(preset, own, texts)) ?? [];
  return withKeywords(
    { ...entry, english: { name, summary }, name: own.name, summary: own.summary, fields, presets },
    texts,
  );
}

/** Keywords of both languages are there: people search in either. */
function withKeywords<One extends { id: string; keywords?: readonly string[] }>(one: One, texts: FormTexts): One {
  return { ...one, keywords: [...(one.keywords ?? []), ...(texts.keywords[one.id] ?? [])] };
}

function translatedPreset(preset: Preset, own: OperationTexts, texts: FormTexts): Preset {
  const { name, summary } = preset;
  const [ownName = name, ownSummary = summary] = own.presets?.[preset.id] ?? [];
  return withKeywords({ ...preset, english: { name, summary }, name: ownName, summary: ownSummary }, texts);
}

function translatedField(field: FormField, before: string, own: OperationTexts, texts: FormTexts): FormField {
  const path = before + field.name;
  const [label = field.label, help = field.help, options] = own.fields?.[path] ?? [];
  const form = translatedValue(field, options, texts);
  const inner = field.fields?.map((each) => translatedField(each, `${path}.`, own, texts));
  return { ...form, label, ...(help && { help }), ...(inner && { fields: inner }) };
}

function translatedValue<Form extends ValueForm>(form: Form, options: OptionTexts | undefined, texts: FormTexts): Form {
  const must = form.must && (texts.musts[form.must] ?? form.must);
  return {
    ...form,
    ...(must && { must }),
    ...(form.options && { options: form.options.map((option) => translatedOption(option, options)) }),
    ...(form.item && { item: translatedValue(form.item, options, texts) }),
  };
}

function translatedOption(option: Option, texts: OptionTexts | undefined): Option {
  const [label = option.label, help = option.help] = texts?.[String(option.value)] ?? [];
  return { ...option, label, ...(help && { help }) };
}
