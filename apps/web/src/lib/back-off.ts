/** Milliseconds before the attempt number `attempt` (from 0): doubling up to a ceiling, with jitter. */
export function backOff(attempt: number, random = Math.random, first = 300, ceiling = 5000): number {
  const full = Math.min(ceiling, first * 2 ** attempt);
  return Math.round(full * (0.75 + random() * 0.5));
}
