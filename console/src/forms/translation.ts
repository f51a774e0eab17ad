import type { FormTexts, OperationTexts, OptionTexts } from "../i18n/formTexts.ts";
import type { FormEntry, FormField, Forms, Option, ValueForm } from "./entries.ts";

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
  return { ...entry, english: { name, summary }, name: own.name, summary: own.summary, fields, ...presets(entry, own) };
}

type Preset = { id: string; name: string; summary: string };

function presets(entry: FormEntry & { presets?: readonly Preset[] }, own: OperationTexts): object {
  return entry.presets ? { presets: entry.presets.map((preset) => translatedPreset(preset, own)) } : {};
}

function translatedPreset<One extends Preset>(preset: One, own: OperationTexts): One {
  const [name = preset.name, summary = preset.summary] = own.presets?.[preset.id] ?? [];
  return { ...preset, name, summary };
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
