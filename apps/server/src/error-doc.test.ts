import { errorDoc } from '@strata/contract/error-doc';
import { expect, it } from 'vitest';

it('docs/errors.md lists the error codes as they are', async () => {
  await expect(errorDoc()).toMatchFileSnapshot('../../../docs/errors.md');
});
