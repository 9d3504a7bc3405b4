import { expect, test } from 'vitest';
import type { AgentSession } from '../../qemu/guest-agent.ts';
import { addressesOf, askFacts } from './guest-facts.ts';

const agentWith = (answers: Readonly<Record<string, unknown>>): AgentSession => ({
  execute: (command) =>
    command in answers ? Promise.resolve(answers[command]) : Promise.reject(new Error('not supported')),
  close: () => {},
});
const addresses = (...list: unknown[]) => [
  { name: 'eth0', 'ip-addresses': list.map((address) => ({ 'ip-address': address })) },
];

test('a guest says its name, its system and where it is reached', async () => {
  const agent = agentWith({
    'guest-get-host-name': { 'host-name': 'web' },
    'guest-get-osinfo': { 'pretty-name': 'Some Linux 12', name: 'Some Linux' },
    'guest-network-get-interfaces': addresses('127.0.0.1', '10.0.2.15', 'fe80::1', 'fd00::2'),
  });
  expect(await askFacts(agent)).toEqual({
    hostname: 'web',
    os: 'Some Linux 12',
    addresses: ['10.0.2.15', 'fd00::2'],
  });
});

test('what an agent does not tell is left out', async () => {
  expect(await askFacts(agentWith({}))).toEqual({ addresses: [] });
});

test('what a guest says is shown only as far as it is text, and an address an address', async () => {
  const agent = agentWith({
    'guest-get-host-name': { 'host-name': `\u202eweb\u0000\n${'x'.repeat(500)}` },
    'guest-get-osinfo': 'nothing like it',
  });
  const { hostname, os } = await askFacts(agent);
  expect(hostname).toMatch(/^webx+$/);
  expect(hostname).toHaveLength(100);
  expect(os).toBeUndefined();
  expect(addressesOf(addresses('10.0.0.1; rm -rf /', 7, null, '10.0.0.1', '10.0.0.1'))).toEqual(['10.0.0.1']);
  expect(addressesOf({})).toEqual([]);
  const many = Array.from({ length: 999 }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
  expect(addressesOf(addresses(...many))).toHaveLength(32);
});
