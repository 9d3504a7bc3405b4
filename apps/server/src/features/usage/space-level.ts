export type SpaceLevel = 'ok' | 'warn' | 'urgent';

export interface SpaceFacts {
  readonly total: number;
  readonly free: number;
  /** At the pace of now; null: nothing grows, or what grows cannot fill it. */
  readonly fullInSeconds: number | null;
}

const gibibyte = 1024 ** 3;
const limits = {
  urgent: { bytes: 2 * gibibyte, part: 0.05, seconds: 15 * 60 },
  warn: { bytes: 10 * gibibyte, part: 0.1, seconds: 2 * 3600 },
} as const;
const order: readonly SpaceLevel[] = ['ok', 'warn', 'urgent'];

const isBelow = (facts: SpaceFacts, level: 'warn' | 'urgent', factor: number): boolean => {
  const { bytes, part, seconds } = limits[level];
  const { total, free, fullInSeconds } = facts;
  const soon = fullInSeconds !== null && fullInSeconds < seconds * factor;
  return free < Math.min(bytes, total * part) * factor || soon;
};

const levelOf = (facts: SpaceFacts, factor: number): SpaceLevel => {
  if (isBelow(facts, 'urgent', factor)) return 'urgent';
  return isBelow(facts, 'warn', factor) ? 'warn' : 'ok';
};

/** So much better than where it began has it to be before a warning ends: it would come and go otherwise. */
const relief = 1.25;

/** Worse at once, better only when it is clearly so. */
export const nextLevel = (before: SpaceLevel, facts: SpaceFacts): SpaceLevel => {
  const now = order.indexOf(levelOf(facts, 1));
  const eased = order.indexOf(levelOf(facts, relief));
  return order[Math.max(now, Math.min(order.indexOf(before), eased))] ?? 'ok';
};
