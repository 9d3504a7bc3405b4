import type { ChecksumAlgorithm } from '@strata/contract';

/** One sum of a list; without a name: a sum by itself. */
export interface ExpectedSum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string;
  readonly name: string | null;
}

const byLength: Readonly<Record<number, ChecksumAlgorithm>> = {
  32: 'md5',
  40: 'sha1',
  64: 'sha256',
  128: 'sha512',
};

const sum = (value: string, name: string | null): ExpectedSum | null => {
  const algorithm = byLength[value.length];
  return algorithm === undefined ? null : { algorithm, value: value.toLowerCase(), name };
};

/** `sha256:…` and `sha256sum …` say what the length says; `SHA256 (file) = …` is how BSD writes it. */
const bsdLine = /^[A-Za-z0-9-]{2,12} \((.+)\) = ([0-9a-fA-F]{32,128})$/;
/** Of sha256sum: two blanks, or a blank and an asterisk, then the name. */
const namedLine = /^\\?([0-9a-fA-F]{32,128})[ \t]+\*?(\S.*)$/;
const bareLine = /^(?:[A-Za-z0-9-]{2,12}\s*[:=]\s*)?([0-9a-fA-F]{32,128})$/;

const lineSum = (line: string): ExpectedSum | null => {
  const bsd = bsdLine.exec(line);
  if (bsd !== null) return sum(bsd[2] ?? '', bsd[1] ?? null);
  const named = namedLine.exec(line);
  if (named !== null) return sum(named[1] ?? '', named[2] ?? null);
  const bare = bareLine.exec(line);
  return bare === null ? null : sum(bare[1] ?? '', null);
};

/** The sums in a text that somebody pasted; whatever else is in it (comments, a signature) is passed over. */
export const expectedSums = (text: string): ExpectedSum[] =>
  text.split(/\r?\n/).flatMap((line) => lineSum(line.trim()) ?? []);

const fileName = (name: string): string => name.split(/[/\\]/).at(-1) ?? name;

/** Those that speak of this file: by its name where the list names it, else all of them. */
export const sumsFor = (sums: readonly ExpectedSum[], names: readonly string[]): readonly ExpectedSum[] => {
  const named = sums.filter(({ name }) => name !== null && names.includes(fileName(name)));
  return named.length > 0 ? named : sums;
};

export interface Verdict {
  readonly verified: boolean;
  /** The algorithms whose sums were compared. */
  readonly compared: readonly ChecksumAlgorithm[];
  readonly words: string;
}

const weak = (algorithms: readonly ChecksumAlgorithm[]): string =>
  algorithms.every((algorithm) => algorithm === 'md5' || algorithm === 'sha1')
    ? ' Sums of this kind can be forged: they show that nothing broke on the way, not who made the file.'
    : '';

/**
 * Whether the file is the one that the list means. A list that names it must give its sum, and give no other of the same
 * kind; of a list that does not, any of its sums will do, for two files do not have the same.
 */
export const judge = (
  all: readonly ExpectedSum[],
  names: readonly string[],
  computed: ReadonlyMap<ChecksumAlgorithm, string>,
): Verdict => {
  const meant = sumsFor(all, names);
  const isNamed = meant.some(({ name }) => name !== null && names.includes(fileName(name)));
  const fits = ({ algorithm, value }: ExpectedSum): boolean => computed.get(algorithm) === value;
  const verified = isNamed ? meant.every(fits) : meant.some(fits);
  const compared = [...new Set(meant.map(({ algorithm }) => algorithm))];
  if (verified) {
    const [listed] = meant.filter(fits);
    const other = isNamed || listed?.name == null ? '' : `, where the file is called “${listed.name}”`;
    return { verified, compared, words: `The sum is the expected one${other}.${weak(compared)}` };
  }
  const elsewhere = all.find((sum) => fits(sum) && sum.name !== null);
  const hint =
    isNamed && elsewhere !== undefined
      ? ` It is the sum of another file of the list: “${elsewhere.name}”.`
      : meant.length > 1 && !isNamed
        ? ` None of the ${meant.length} sums in the list is that of this file.`
        : '';
  return {
    verified,
    compared,
    words: `The sum is not the expected one: this is not the file that was meant, or it is damaged.${hint}`,
  };
};
