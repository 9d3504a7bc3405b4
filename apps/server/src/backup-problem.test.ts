import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiPrefix, type Host } from '@strata/contract';
import { expect, it } from 'vitest';
import { buildApp } from './app.ts';
import { testDataDir } from './testing/test-app.ts';

it('a daily copy of the database that failed is a problem of the host until the next one succeeds', async () => {
  const { dataDir, runDir, remove } = testDataDir();
  const backups = join(dataDir, 'backups');
  const strata = await buildApp({
    ...{ version: '0.0.0-test', host: '127.0.0.1', port: 0, dataDir, runDir },
    ...{ open: false, token: 'test-token', webRoot: null, logLevel: 'silent' },
  });
  const problems = async (): Promise<string[]> => {
    const headers = { host: '127.0.0.1', authorization: 'Bearer test-token' };
    const answer = await strata.app.inject({ method: 'GET', url: `${apiPrefix}/host`, headers });
    const { problems: found } = JSON.parse(answer.body) as Host;
    return found.filter(({ code }) => code === 'backup-failed').map(({ message }) => message);
  };
  try {
    rmSync(backups, { recursive: true, force: true });
    writeFileSync(backups, '');
    await strata.backups.look();
    expect(await problems()).toEqual([
      expect.stringMatching(/^The daily copy of the database could not be made: /),
    ]);
    rmSync(backups);
    await strata.backups.look();
    expect(await problems()).toEqual([]);
  } finally {
    await strata.close();
    remove();
  }
});
