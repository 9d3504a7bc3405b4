import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { expectedSums, judge, sumsFor } from './expected-sums.ts';

const of = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest('hex');
const sha = (text: string): string => of('sha256', text);
const computed = new Map([
  ['sha256', sha('disk')],
  ['md5', of('md5', 'disk')],
] as const);

describe('what is taken for an expected sum', () => {
  it('is a bare sum of any of the four kinds, told apart by its length, in either case, with a prefix or without', () => {
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
      const value = of(algorithm, 'disk');
      for (const text of [
        value,
        value.toUpperCase(),
        ` ${value}\r\n`,
        `${algorithm}:${value}`,
        `SHA-X: ${value}`,
      ])
        expect(expectedSums(text)).toEqual([{ algorithm, value, name: null }]);
    }
  });

  it('is every line of a list, as sha256sum and BSD write them; comments and a signature around it are passed over', () => {
    const text = [
      '-----BEGIN PGP SIGNED MESSAGE-----',
      'Hash: SHA256',
      '',
      `${sha('a')}  ./debian 12.iso`,
      `${sha('b')} *netinst.iso`,
      `SHA256 (openbsd (1).iso) = ${sha('c')}`,
      '# abcdef',
      `${sha('d').slice(1)}  too-short.iso`,
      '-----BEGIN PGP SIGNATURE-----',
      'iQIzBAEBCAAdFiEE3y0TcfYmHnvg7NdN',
    ].join('\n');
    expect(expectedSums(text).map(({ name, value }) => [name, value])).toEqual([
      ['./debian 12.iso', sha('a')],
      ['netinst.iso', sha('b')],
      ['openbsd (1).iso', sha('c')],
    ]);
  });

  it('is nothing in a text without a sum, however long its lines are', () => {
    expect(expectedSums('no sum here\n')).toEqual([]);
    expect(expectedSums(`${'a'.repeat(59_000)}`)).toEqual([]);
    expect(expectedSums(`${'('.repeat(30_000)}${') = '.repeat(7_000)}`)).toEqual([]);
    expect(expectedSums(` ${'\t'.repeat(59_000)}`)).toEqual([]);
  });
});

describe('the verdict', () => {
  it('takes the line that names the file, wherever it lies, and no other', () => {
    const list = expectedSums(`${sha('other')}  x/other.iso\n${sha('disk')}  x/disk.iso`);
    expect(sumsFor(list, ['disk.iso'])).toHaveLength(1);
    expect(judge(list, ['disk.iso'], computed)).toMatchObject({ verified: true, compared: ['sha256'] });
  });

  it('is no when the list says so of this file, although it has the sum of another one, which it names', () => {
    const list = expectedSums(`${sha('new')}  disk.iso\n${sha('disk')}  disk-old.iso`);
    expect(judge(list, ['disk.iso'], computed)).toMatchObject({
      verified: false,
      words: expect.stringContaining('“disk-old.iso”'),
    });
  });

  it('of a list that does not name the file is yes by any of its sums, and says by which name', () => {
    const list = expectedSums(`${sha('a')}  a.iso\n${sha('disk')}  b.iso`);
    expect(judge(list, ['renamed.iso'], computed)).toMatchObject({
      verified: true,
      words: expect.stringContaining('“b.iso”'),
    });
    expect(judge(list.slice(0, 1), ['renamed.iso'], computed).verified).toBe(false);
  });

  it('is no when a list gives two sums for the file and one of them is wrong', () => {
    const list = expectedSums(`${sha('disk')}  disk.iso\n${sha('b')}  disk.iso`);
    expect(judge(list, ['disk.iso'], computed).verified).toBe(false);
  });

  it('says of MD5 what it is worth', () => {
    const verdict = judge(expectedSums(of('md5', 'disk')), [], computed);
    expect(verdict).toMatchObject({ verified: true, words: expect.stringMatching(/forged/) });
  });
});
