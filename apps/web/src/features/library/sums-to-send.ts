/** What the server takes at once. */
const mostCharacters = 60_000;

const fileName = (path: string): string => path.split('/').at(-1) ?? path;

/** Of a list that is longer than that, the lines that name the file: the others say nothing of it. */
export const sumsToSend = (text: string, image: { readonly name: string; readonly path: string }): string => {
  const trimmed = text.trim();
  if (trimmed.length <= mostCharacters) return trimmed;
  const names = [image.name, fileName(image.path)];
  const lines = trimmed.split('\n').filter((line) => names.some((name) => line.includes(name)));
  return (lines.length > 0 ? lines.join('\n') : trimmed).slice(0, mostCharacters);
};
