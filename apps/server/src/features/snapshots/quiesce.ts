import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../app-error.ts';
import { AgentError, type AgentSession } from '../../qemu/guest-agent.ts';
import type { VmsService } from '../vms/vms.types.ts';

/*
 * The guest agent writes out what the guest holds in memory and lets its file systems stand still, the disks are
 * switched, the agent lets them go on. Whatever happens in between, the last is done:
 *
 *     note in the journal → freeze → switch → thaw → note
 *                             └──── at most `frozenAtMost` ────┘
 *
 * A server that is killed in between finds the note and thaws at its next start.
 */

export const quiesceLimits = {
  /** Writing out what a busy guest holds may take its time; nothing stands still for a client meanwhile. */
  freezeMs: 30_000,
  /** So long the guest's programs may wait for their disks. */
  frozenAtMostMs: 10_000,
  thawMs: 5_000,
  /** A guest that does not confirm is asked again until then. */
  thawTriesMs: 60_000,
  thawAgainMs: 500,
};
export type QuiesceLimits = typeof quiesceLimits;

export interface QuiesceDeps {
  readonly vms: Pick<VmsService, 'agents' | 'live'>;
  readonly limits?: QuiesceLimits;
}

/** What was reached, and why it is less than was wished for. */
export interface Quiesced {
  readonly consistency: 'crash' | 'frozen';
  readonly reason: string | null;
  /** The guest did not confirm that its file systems go on. */
  readonly mayBeFrozen: boolean;
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const countOf = (answer: unknown): number => (typeof answer === 'number' ? answer : 0);

const isLive = ({ vms }: QuiesceDeps, vmId: string): boolean => {
  try {
    return vms.live(vmId) !== null;
  } catch {
    return true;
  }
};

/** How many file systems go on again; null: the guest did not say. */
const thawOn = async (session: AgentSession, limits: QuiesceLimits): Promise<number | null> => {
  try {
    return countOf(await session.execute('guest-fsfreeze-thaw', limits.thawMs));
  } catch (error) {
    // Nothing was frozen: then some agents refuse.
    return error instanceof AgentError && error.kind === 'refused' ? 0 : null;
  }
};

/**
 * Thaws, over a new connection, until the guest confirms it, or the VM is gone. The number of file systems that were
 * frozen; null: it never confirmed.
 */
export const thawGuest = async (deps: QuiesceDeps, vmId: string): Promise<number | null> => {
  const limits = deps.limits ?? quiesceLimits;
  const until = performance.now() + limits.thawTriesMs;
  while (isLive(deps, vmId)) {
    const thawed = await deps.vms.agents
      .withAgent(vmId, (session) => thawOn(session, limits))
      .catch(() => null);
    if (thawed !== null) return thawed;
    if (performance.now() > until) return null;
    await delay(limits.thawAgainMs);
  }
  return 0;
};

interface Frozen {
  /** Null: freezing went wrong, and `reason` says how. */
  readonly count: number | null;
  readonly reason: string | null;
}

const freeze = async (session: AgentSession, limits: QuiesceLimits): Promise<Frozen> => {
  try {
    const count = countOf(await session.execute('guest-fsfreeze-freeze', limits.freezeMs));
    return { count, reason: count > 0 ? null : 'the guest has no file system that could be frozen' };
  } catch (error) {
    return { count: null, reason: words(error) };
  }
};

/** Thaws when `work` is done, or before, when that takes too long. */
const workFrozen = async (
  session: AgentSession,
  limits: QuiesceLimits,
  work: () => Promise<void>,
): Promise<{ thawed: number | null; late: boolean }> => {
  let early: Promise<number | null> | null = null;
  const timer = setTimeout(() => {
    early = thawOn(session, limits);
  }, limits.frozenAtMostMs);
  try {
    await work();
  } catch (error) {
    clearTimeout(timer);
    await (early ?? thawOn(session, limits));
    throw error;
  }
  clearTimeout(timer);
  const late = early !== null;
  return { thawed: await (early ?? thawOn(session, limits)), late };
};

const judged = (frozen: Frozen, thawed: number | null, late: boolean, { frozenAtMostMs }: QuiesceLimits) => {
  if (frozen.reason !== null) return frozen.reason;
  if (late) return `the disks were not switched within ${frozenAtMostMs / 1000} s`;
  if (thawed === null) return 'the guest did not confirm that its file systems go on';
  return thawed > 0 ? null : 'the guest had let its file systems go on before the disks were switched';
};

/**
 * Does `work` while the guest's file systems stand still, if that can be had, and without it otherwise: what was
 * reached is said. `before` writes down that the guest may be frozen from here on.
 */
export const whileFrozen = async (
  deps: QuiesceDeps,
  vmId: string,
  before: () => void,
  work: () => Promise<void>,
): Promise<Quiesced> => {
  const limits = deps.limits ?? quiesceLimits;
  const progress = { noted: false, begun: false };
  const once = (): Promise<void> => {
    progress.begun = true;
    return work();
  };
  const attempt = async (session: AgentSession): Promise<string | null> => {
    before();
    progress.noted = true;
    const frozen = await freeze(session, limits);
    const { thawed, late } = await workFrozen(session, limits, once);
    if (thawed === null) throw new AgentError('silent', judged(frozen, thawed, late, limits) ?? '');
    return judged(frozen, thawed, late, limits);
  };
  let reason: string | null;
  let mayBeFrozen = false;
  try {
    reason = await deps.vms.agents.withAgent(vmId, attempt);
  } catch (error) {
    const lost = error instanceof AgentError || (error instanceof AppError && !progress.begun);
    // The guest is let go in any case; a failure of the work itself is the caller's.
    if (progress.noted) mayBeFrozen = (await thawGuest(deps, vmId)) === null;
    if (!lost) throw error;
    reason = words(error);
  }
  if (!progress.begun) await work();
  return { consistency: reason === null ? 'frozen' : 'crash', reason, mayBeFrozen };
};

/** Throws when the file systems of a running guest cannot be frozen. A VM that is off has none to freeze. */
export const demandQuiescible = async (
  { vms }: QuiesceDeps,
  vmId: string,
  wish: { readonly quiesce?: boolean | undefined; readonly memory: boolean },
): Promise<void> => {
  if (wish.quiesce !== true) return;
  if (wish.memory)
    throw new AppError(
      'not-possible',
      'A snapshot with memory needs no frozen file systems: what the guest has not written yet is in its memory. Take it without freezing.',
    );
  if (vms.live(vmId) === null) return;
  const { state, reason } = await vms.agents.state(vmId);
  if (state !== 'ready')
    throw new AppError(
      'agent-absent',
      `The file systems of the guest cannot be frozen. ${reason} Or take the snapshot without freezing.`,
    );
};
