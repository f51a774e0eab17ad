/** Those of some texts that have nothing Chinese in them; for tests. */
export function withoutChinese(texts: readonly (string | undefined)[]): readonly (string | undefined)[] {
  return texts.filter((text) => !text || !/\p{Script=Han}/u.test(text));
}
