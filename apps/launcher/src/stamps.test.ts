import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashOf, unlessUnchanged } from './stamps.mjs';

describe('stamps', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'strata-stamps-'));
    mkdirSync(join(root, 'src/node_modules'), { recursive: true });
    writeFileSync(join(root, 'src/a.ts'), 'a');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const hash = () => hashOf(root, { folders: ['src'] });

  it('change with a file, and not with what is installed', () => {
    const before = hash();
    writeFileSync(join(root, 'src/node_modules/x.js'), 'x');
    expect(hash()).toBe(before);
    writeFileSync(join(root, 'src/a.ts'), 'b');
    expect(hash()).not.toBe(before);
  });

  it('repeat work only when the hash has changed, the result is gone, or it failed', async () => {
    const stamp = join(root, '.cache/x.stamp');
    let runs = 0;
    const work = async () => {
      runs += 1;
    };
    await unlessUnchanged(stamp, 'one', work);
    await unlessUnchanged(stamp, 'one', work);
    expect(runs).toBe(1);
    await unlessUnchanged(stamp, 'one', work, false);
    expect(runs).toBe(2);
    await expect(unlessUnchanged(stamp, 'two', () => Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );
    await unlessUnchanged(stamp, 'two', work);
    expect(runs).toBe(3);
  });
});
