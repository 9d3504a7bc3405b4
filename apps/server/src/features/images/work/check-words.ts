import type { ImageCheck } from '@strata/contract';

const count = (number: number, one: string, many: string): string =>
  number === 1 ? `1 ${one}` : `${number.toLocaleString('en')} ${many}`;

const size = (bytes: number): string =>
  bytes >= 1024 ** 2 ? `${(bytes / 1024 ** 2).toFixed(1)} MiB` : `${Math.ceil(bytes / 1024)} KiB`;

type Counts = Pick<ImageCheck, 'errors' | 'leaks' | 'errorsFixed' | 'leaksFixed'>;

/** What a check found and mended, for somebody who does not know what a cluster is. */
export const checkWords = (
  { errors, leaks, errorsFixed, leaksFixed }: Counts,
  leakedBytes: number,
  repair: 'leaks' | 'all' | null,
): string => {
  if (errors === 0 && leaks === 0) return 'The image is sound: no errors, no lost space.';
  const words: string[] = [];
  if (errors > 0) {
    words.push(`${count(errors, 'error', 'errors')} found: what the image shows may be wrong in places.`);
    if (errorsFixed > 0) words.push(`${count(errorsFixed, 'was', 'were')} repaired.`);
    const left = errors - errorsFixed;
    if (left > 0 && repair === 'all')
      words.push(`${count(left, 'is', 'are')} left: copy what can still be read.`);
    if (left > 0 && repair !== 'all')
      words.push('Copy the file first, then repair errors: QEMU decides what is right, and cannot undo it.');
  }
  if (leaks > 0) {
    words.push(
      `${count(leaks, 'cluster is', 'clusters are')} lost: taken in the file, and used by nothing. Contents are not touched by that.`,
    );
    if (leaksFixed > 0) words.push(`${count(leaksFixed, 'was', 'were')} given back.`);
    if (leakedBytes > 0) words.push(`${size(leakedBytes)} can be given back by repairing leaks.`);
  }
  return words.join(' ');
};
