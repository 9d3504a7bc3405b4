import { afterEach, expect, test } from 'vitest';
import { type FakeAgent, type Reaction, startFakeAgent } from '../testing/fake-agent.ts';
import { openAgent } from './guest-agent.ts';

let agent: FakeAgent;
afterEach(() => agent.stop());

const patience = 20_000;
const opened = async (...script: Parameters<typeof startFakeAgent>) => {
  agent = await startFakeAgent(...script);
  return openAgent(agent.path);
};

test('an answer is what follows "return"', async () => {
  const session = await opened(() => ({ return: { 'host-name': 'web' } }));
  expect(await session.execute('guest-get-host-name', patience)).toEqual({ 'host-name': 'web' });
  session.close();
});

test('what a former client left in the channel is thrown away', async () => {
  const left =
    '{"return": "of somebody else"}\nhalf a line\n{"error": {"desc": "of somebody else"}}\n\n{"retu';
  const session = await opened((command) => ({ return: command }), left);
  expect(await session.execute('guest-ping', patience)).toBe('guest-ping');
  expect(await session.execute('guest-info', patience)).toBe('guest-info');
  session.close();
});

test('an answer that comes too late is not taken for that of the next command', async () => {
  let answerLate: (reaction: Reaction) => void = () => {};
  const session = await opened((_, number) =>
    number === 1
      ? new Promise((resolve) => {
          answerLate = resolve;
        })
      : { return: 'second' },
  );
  await expect(session.execute('guest-fsfreeze-freeze', 50)).rejects.toMatchObject({ kind: 'silent' });
  const second = session.execute('guest-fsfreeze-thaw', patience);
  answerLate({ return: 'first' });
  expect(await second).toBe('second');
  expect(agent.heard).toEqual(['guest-fsfreeze-freeze', 'guest-fsfreeze-thaw']);
  session.close();
});

test('a refusal carries the words of the agent', async () => {
  const session = await opened(() => ({ error: 'Command is not supported' }));
  await expect(session.execute('guest-fsfreeze-freeze', patience)).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('Command is not supported'),
  });
  session.close();
});

test('the end of the channel ends what waits, and what comes after', async () => {
  const session = await opened(() => 'death');
  await expect(session.execute('guest-ping', patience)).rejects.toMatchObject({ kind: 'gone' });
  await expect(session.execute('guest-ping', patience)).rejects.toMatchObject({ kind: 'gone' });
});

test('an answer without an end is cut off', async () => {
  const session = await opened(() => {
    for (let piece = 0; piece < 6; piece += 1) agent.babble('x'.repeat(1024 ** 2));
    return 'silence';
  });
  await expect(session.execute('guest-ping', patience)).rejects.toMatchObject({ kind: 'gone' });
});

test('a socket that nobody listens on is unreachable', async () => {
  agent = await startFakeAgent(() => 'silence');
  await expect(openAgent(`${agent.path}-none`)).rejects.toMatchObject({ kind: 'unreachable' });
});
