/** One line of the result: what was measured beside what, in milliseconds. */
export interface Line {
  readonly what: string;
  readonly strata: number;
  readonly other: string;
  readonly otherMs: number;
  /** What is aimed at for `strata / other`; a measure, never an assertion: machines differ and are shared. */
  readonly aim: string;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};

/** What the work itself takes: on a shared machine everything else only adds to it. */
export const least = (values: readonly number[]): number => Math.min(...values);

export const timed = async (work: () => unknown): Promise<number> => {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
};

const ms = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

const ratio = (value: number): string => (value < 0.1 ? value.toFixed(4) : value.toFixed(2));

export const print = (lines: readonly Line[]): void => {
  const rows = [
    ['what', 'Strata ms', 'beside', 'its ms', 'ratio', 'aim'],
    ...lines.map(({ what, strata, other, otherMs, aim }) => [
      what,
      ms(strata),
      other,
      ms(otherMs),
      ratio(strata / otherMs),
      aim,
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const text = rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  process.stdout.write(`${text.join('\n')}\n`);
};
