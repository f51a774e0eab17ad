const COUNT = /\/Type\s*\/Pages\b[^>]*?\/Count\s+(\d+)|\/Count\s+(\d+)[^>]*?\/Type\s*\/Pages\b/g;
/** Objects that are compressed together: their bytes begin after it. */
const PACKED = /<<[^>]*\/Type\s*\/ObjStm\b[^>]*>>\s*stream\r?\n/g;
const LENGTH = /\/Length\s+(\d+)\b(?!\s+\d+\s+R)/;

/** The number of pages of a PDF; undefined if it does not say so in a way that is simple to read. */
export async function pageCount(content: ArrayBuffer): Promise<number | undefined> {
  // One character a byte.
  const text = new TextDecoder("latin1").decode(content);
  const packed = [...text.matchAll(PACKED)].flatMap((found) => {
    const length = LENGTH.exec(found[0])?.[1];
    const from = found.index + found[0].length;
    return length ? content.slice(from, from + Number(length)) : [];
  });
  const texts = [text, ...(await Promise.all(packed.map(inflated)))];
  // The root of the tree of pages has the greatest count.
  const counts = texts.flatMap((each) => [...each.matchAll(COUNT)].map(([, one, other]) => Number(one ?? other)));
  return counts.length ? Math.max(...counts) : undefined;
}

async function inflated(bytes: ArrayBuffer): Promise<string> {
  try {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new TextDecoder("latin1").decode(await new Response(stream).arrayBuffer());
  } catch {
    // Compressed or encrypted in another way.
    return "";
  }
}
