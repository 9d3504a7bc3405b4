/** A text of check sums beside the files: `SHA256SUMS`, `disk.img.sha256`. */
export const isSumsFile = ({ name, size }: Pick<File, 'name' | 'size'>): boolean =>
  size <= 256 * 1024 && /^sha256sums?(\.txt)?$|\.sha256(sums?)?$/i.test(name);

/** `0123…  name` and `SHA256 (name) = 0123…`, a line a file → the sum of each name. */
export const readSums = (text: string): ReadonlyMap<string, string> => {
  const sums = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [, sum, name] = /^([0-9a-f]{64})[ \t]+\*?(.+)$/i.exec(line.trim()) ?? [];
    const [, tagged, tail] = /^SHA256 \((.+)\) = ([0-9a-f]{64})$/i.exec(line.trim()) ?? [];
    if (sum !== undefined && name !== undefined) sums.set(lastPart(name), sum.toLowerCase());
    else if (tagged !== undefined && tail !== undefined) sums.set(lastPart(tagged), tail.toLowerCase());
  }
  return sums;
};

const lastPart = (name: string): string => name.split('/').at(-1) ?? name;
