import { expect, it } from 'vitest';
import { tokenIn } from './login-page.tsx';

it('takes the token alone or the whole line that Strata printed', () => {
  expect(tokenIn('  abc \n')).toBe('abc');
  expect(tokenIn('Strata is ready at http://127.0.0.1:4680/#token=abc-_9')).toBe('abc-_9');
});
