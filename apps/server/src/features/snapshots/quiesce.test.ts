import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../app-error.ts';
import { openAgent } from '../../qemu/guest-agent.ts';
import { type FakeAgent, type Reaction, startFakeAgent } from '../../testing/fake-agent.ts';
import { demandQuiescible, type QuiesceDeps, thawGuest, whileFrozen } from './quiesce.ts';

const [freeze, thaw] = ['guest-fsfreeze-freeze', 'guest-fsfreeze-thaw'];
let agent: FakeAgent;
afterEach(() => agent.stop());

/** So generous that only what a test makes short is ever reached. */
const ample = 30_000;
const limits = { freezeMs: ample, frozenAtMostMs: ample, thawMs: ample, thawTriesMs: ample, thawAgainMs: 20 };

/** A guest whose agent does what the script says for each command, in order; nothing more: silence. */
const guest = async (
  script: readonly (Reaction | (() => Promise<Reaction>))[],
  more: Partial<typeof limits> & { live?: () => boolean } = {},
): Promise<QuiesceDeps> => {
  agent = await startFakeAgent((_, number) => {
    const reaction = script[number - 1] ?? 'silence';
    return typeof reaction === 'function' ? reaction() : reaction;
  });
  const { live = () => true, ...others } = more;
  const withAgent: QuiesceDeps['vms']['agents']['withAgent'] = async (_, work) => {
    const session = await openAgent(agent.path);
    try {
      return await work(session);
    } finally {
      session.close();
    }
  };
  return {
    vms: {
      agents: { withAgent } as QuiesceDeps['vms']['agents'],
      live: (() => (live() ? {} : null)) as unknown as QuiesceDeps['vms']['live'],
    },
    limits: { ...limits, ...others },
  };
};

/** What happened in which order: the note, the work, and how many commands the agent had heard by then. */
const quiesce = async (deps: QuiesceDeps, work: () => Promise<void> = async () => {}) => {
  const story: string[] = [];
  const result = await whileFrozen(
    deps,
    'vm',
    () => void story.push(`noted after ${agent.heard.length}`),
    async () => {
      story.push(`worked after ${agent.heard.length}`);
      await work();
    },
  );
  return { ...result, story };
};

describe('freezing', () => {
  it('is noted, done, and taken back after the work', async () => {
    const result = await quiesce(await guest([{ return: 2 }, { return: 2 }]));
    expect(result).toEqual({
      ...{ consistency: 'frozen', reason: null, mayBeFrozen: false },
      story: ['noted after 0', 'worked after 1'],
    });
    expect(agent.heard).toEqual([freeze, thaw]);
  });

  it('of nothing is not called frozen', async () => {
    const result = await quiesce(await guest([{ return: 0 }, { return: 0 }]));
    expect(result).toMatchObject({ consistency: 'crash', reason: expect.stringContaining('no file system') });
  });

  it('that the guest refuses lets the work go on without it, and thaws all the same', async () => {
    const result = await quiesce(await guest([{ error: 'failed to freeze /srv' }, { return: 0 }]));
    expect(result).toMatchObject({
      ...{
        consistency: 'crash',
        reason: expect.stringContaining('failed to freeze /srv'),
        mayBeFrozen: false,
      },
      story: ['noted after 0', 'worked after 1'],
    });
    expect(agent.heard).toEqual([freeze, thaw]);
  });

  it('that is not answered in time is taken back behind it', async () => {
    const late = async (): Promise<Reaction> => {
      await delay(400);
      return { return: 1 };
    };
    const result = await quiesce(await guest([late, { return: 1 }], { freezeMs: 200 }));
    expect(result).toMatchObject({ consistency: 'crash', reason: expect.stringMatching(/not answer/) });
    expect(agent.heard).toEqual([freeze, thaw]);
  });
});

describe('thawing', () => {
  it('happens when the work fails, and the failure is told', async () => {
    const deps = await guest([{ return: 1 }, { return: 1 }, { return: 0 }]);
    const failing = quiesce(deps, () => Promise.reject(new AppError('disk-full', 'no room')));
    await expect(failing).rejects.toMatchObject({ code: 'disk-full' });
    expect(agent.heard.slice(0, 2)).toEqual([freeze, thaw]);
  });

  it('is asked for again, over a new connection, until the guest confirms it', async () => {
    const script: Reaction[] = [{ return: 1 }, 'silence', 'silence', { return: 1 }];
    const confirmed: Reaction[] = Array.from({ length: 50 }, () => ({ return: 0 }));
    const result = await quiesce(await guest([...script, ...confirmed], { thawMs: 300 }));
    expect(result).toMatchObject({ consistency: 'crash', mayBeFrozen: false });
    expect(agent.heard.slice(0, 4)).toEqual([freeze, thaw, thaw, thaw]);
  });

  it('happens over a new connection when the channel ends in between', async () => {
    const deps = await guest(['death', { return: 1 }]);
    const result = await quiesce(deps);
    expect(result).toMatchObject({ consistency: 'crash', reason: expect.stringContaining('closed') });
    expect(result.story).toHaveLength(2);
    expect(agent.heard).toEqual([freeze, thaw]);
  });

  it('that was done before by somebody else is no frozen moment', async () => {
    const result = await quiesce(await guest([{ return: 1 }, { return: 0 }]));
    expect(result).toMatchObject({ consistency: 'crash', reason: expect.stringContaining('before') });
  });

  it('happens before the work ends when that takes too long', async () => {
    const deps = await guest([{ return: 1 }, { return: 1 }], { frozenAtMostMs: 50 });
    const result = await quiesce(deps, async () => {
      await expect.poll(() => agent.heard, { timeout: ample }).toEqual([freeze, thaw]);
    });
    expect(result).toMatchObject({ consistency: 'crash', reason: expect.stringContaining('not switched') });
  });

  it('that is never confirmed is said', async () => {
    const result = await quiesce(await guest([{ return: 1 }], { thawMs: 100, thawTriesMs: 300 }));
    expect(result).toMatchObject({ consistency: 'crash', mayBeFrozen: true });
  });

  it('is not waited for when the VM is gone', async () => {
    expect(await thawGuest(await guest([], { live: () => false }), 'vm')).toBe(0);
  });
});

it('does the work without an agent that cannot be reached, and notes nothing', async () => {
  const deps = await guest([]);
  await agent.stop();
  expect(await quiesce(deps)).toMatchObject({ consistency: 'crash', story: ['worked after 0'] });
});

it('is refused in words with memory', async () => {
  const wish = { quiesce: true, memory: true };
  await expect(demandQuiescible(await guest([]), 'vm', wish)).rejects.toMatchObject({ code: 'not-possible' });
});
