import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packFiles } from './pack-files.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-pack-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const unpacked = async (packed: File): Promise<string> => {
  const target = mkdtempSync(join(folder, 'out-'));
  writeFileSync(join(folder, 'files.tar'), new Uint8Array(await packed.arrayBuffer()));
  execFileSync('tar', ['-xf', join(folder, 'files.tar'), '-C', target]);
  return target;
};

describe('files that are packed to be sent', () => {
  it('are a tar as every tool reads it: names, bytes, times, folders with nothing in them', async () => {
    const modified = Date.UTC(2024, 4, 6, 7, 8, 9);
    const long = `${'deep/'.repeat(40)}a name that is long.txt`;
    const contents: Record<string, string> = {
      'a.txt': 'plain',
      'b/é日本 with blanks.txt': 'a name',
      [long]: 'long',
      empty: '',
      block: 'x'.repeat(512),
    };
    const files = Object.entries(contents).map(([path, text]) => ({
      path,
      file: new File([text], path.split('/').at(-1) ?? '', { lastModified: modified }),
    }));
    const packed = packFiles({ files, emptyFolders: ['nothing/here', 'ü'] }, 'files.tar');
    expect([packed.name, packed.size % 512]).toEqual(['files.tar', 0]);
    const target = await unpacked(packed);
    for (const [path, text] of Object.entries(contents)) {
      expect(readFileSync(join(target, path), 'utf8'), path).toBe(text);
      expect(statSync(join(target, path)).mtimeMs).toBe(modified);
    }
    expect(readdirSync(join(target, 'nothing/here'))).toEqual([]);
    expect(readdirSync(join(target, 'ü'))).toEqual([]);
  });

  it('may have a path of any length: what says how long it is counts itself', async () => {
    for (let length = 85; length < 115; length += 1) {
      const path = `é${'x'.repeat(length)}`;
      const target = await unpacked(
        packFiles({ files: [{ path, file: new File(['y'], 'x') }], emptyFolders: [] }, 't'),
      );
      expect(readdirSync(target)).toEqual([path]);
    }
  });
});
