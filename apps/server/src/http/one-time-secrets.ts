import { performance } from 'node:perf_hooks';
import { hashOf, newSecret } from './access-token.ts';

interface Entry<Grant> {
  readonly grant: Grant;
  readonly expiresAt: number;
}

/** Nobody has more of them open at once; the oldest gives way. */
const mostOpen = 256;

/**
 * Random secrets that are good for one use within a short time. They are kept as hashes; time is monotonic, so
 * that a change of the wall clock makes none of them live longer.
 */
export const createOneTimeSecrets = <Grant>(
  lifeSeconds: number,
  now: () => number = () => performance.now(),
): { issue(grant: Grant): string; redeem(secret: string): Grant | null } => {
  const entries = new Map<string, Entry<Grant>>();
  const keyOf = (secret: string): string => hashOf(secret).toString('base64');
  const dropExpired = (): void => {
    for (const [key, entry] of entries) if (entry.expiresAt <= now()) entries.delete(key);
  };
  return {
    issue: (grant) => {
      dropExpired();
      const [oldest] = entries.keys();
      if (entries.size >= mostOpen && oldest !== undefined) entries.delete(oldest);
      const secret = newSecret();
      entries.set(keyOf(secret), { grant, expiresAt: now() + lifeSeconds * 1000 });
      return secret;
    },
    redeem: (secret) => {
      const key = keyOf(secret);
      const entry = entries.get(key);
      // Gone at the first sight, also when it turns out to be for something else.
      entries.delete(key);
      return entry !== undefined && entry.expiresAt > now() ? entry.grant : null;
    },
  };
};
