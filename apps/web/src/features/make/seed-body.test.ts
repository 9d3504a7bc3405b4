import { makeSeedBody } from '@strata/contract';
import { describe, expect, it } from 'vitest';
import { words } from '../../lib/words.ts';
import { seedBody } from './seed-body.ts';

const empty = { metaData: '', networkConfig: ' \n' };

describe('the form of a seed', () => {
  it('sends what was written, and nothing for what was left empty', () => {
    expect(seedBody({ userData: '\n #!/bin/sh\n', ...empty })).toEqual({ userData: '#!/bin/sh\n' });
    const all = { userData: '#cloud-config\n', metaData: 'instance-id: a', networkConfig: 'version: 2' };
    expect(seedBody(all)).toEqual(all);
  });

  it('begins with user data that is taken', () => {
    const body = { name: 'Seed', ...seedBody({ userData: words.make.userDataStart, ...empty }) };
    expect(makeSeedBody.safeParse(body).error).toBeUndefined();
    for (const userData of ['hostname: x', '# cloud-config', ''])
      expect(makeSeedBody.safeParse({ ...body, userData }).success, userData).toBe(false);
  });
});
