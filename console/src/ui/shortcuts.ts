const TYPED = new Set(["text", "search", "number", "email", "password", "tel", "url"]);

/** Whether keys go into a field, so that they are no shortcuts. */
export function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return TYPED.has(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || isEdited(target);
}

function isEdited(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.isContentEditable;
}

/** Whether the page is behind a dialog or a menu, to which keys belong. */
export function isBehindDialog(): boolean {
  return document.querySelector("dialog[open], [role=menu]") !== null;
}
