/** Let the browser save what a URL holds. The server says that it is an attachment, so this page stays. */
export function save(url: string, name?: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name ?? "";
  link.rel = "noreferrer";
  document.body.append(link);
  link.click();
  link.remove();
}
