import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QmpProtocolError } from './errors.ts';
import { LineSplitter } from './line-splitter.ts';

/** Text without a line end, of all kinds of characters. */
const line = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replaceAll('\n', ''));

function cut(bytes: Buffer, points: readonly number[]): Buffer[] {
  const sorted = [
    0,
    ...points.map((point) => point % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ];
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index] ?? 0, end));
}

describe('LineSplitter', () => {
  it('gives the same lines wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (lines, points) => {
        const splitter = new LineSplitter(1_000);
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        expect(cut(bytes, points).flatMap((chunk) => splitter.push(chunk))).toEqual(
          lines.map((text) => Buffer.from(text).toString('utf8')),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('keeps an unfinished line for later', () => {
    const splitter = new LineSplitter(100);
    expect(splitter.push(Buffer.from('a\nb'))).toEqual(['a']);
    expect(splitter.push(Buffer.from('c\n'))).toEqual(['bc']);
  });

  it('refuses a line over the limit as soon as it is over, finished or not', () => {
    const splitter = new LineSplitter(4);
    expect(splitter.push(Buffer.from('abcd\nab'))).toEqual(['abcd']);
    expect(() => splitter.push(Buffer.from('cde'))).toThrow(QmpProtocolError);
  });

  it('takes a long line in tiny pieces without going over it again for each', () => {
    const splitter = new LineSplitter(1 << 30);
    const piece = Buffer.alloc(16, 'x');
    const started = performance.now();
    for (let count = 0; count < 200_000; count++) splitter.push(piece);
    expect(splitter.push(Buffer.from('\n'))[0]?.length).toBe(3_200_000);
    // Going over it for each piece would be 320 GB of copying.
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});
