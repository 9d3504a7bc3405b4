import { isIP } from 'node:net';
import type { AgentSession } from '../../qemu/guest-agent.ts';

/** What a guest says of itself. Nothing of it is believed but that it may be shown. */
export interface GuestFacts {
  readonly hostname?: string;
  readonly os?: string;
  readonly addresses: readonly string[];
}

const answerMs = 3_000;
const longestText = 100;
const mostAddresses = 32;

const textOf = (value: unknown): string | undefined => {
  if (typeof value !== 'string') return undefined;
  const text = value
    .replace(/[\p{Cc}\p{Cs}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .trim()
    .slice(0, longestText);
  return text === '' ? undefined : text;
};
const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Not those by which only the guest reaches itself, or its own cable. */
const leadsOut = (address: string): boolean => !/^(127\.|169\.254\.|::1$|fe80:)/i.test(address);

export const addressesOf = (interfaces: unknown): string[] => {
  const all = listOf(interfaces)
    .flatMap((one) => listOf(fieldOf(one, 'ip-addresses')))
    .map((address) => fieldOf(address, 'ip-address'))
    .filter((address): address is string => typeof address === 'string' && isIP(address) !== 0);
  return [...new Set(all.filter(leadsOut))].slice(0, mostAddresses);
};

/** What the agent does not know, or may not tell, is left out. */
export const askFacts = async (session: AgentSession): Promise<GuestFacts> => {
  const ask = (command: string): Promise<unknown> => session.execute(command, answerMs).catch(() => null);
  const hostname = textOf(fieldOf(await ask('guest-get-host-name'), 'host-name'));
  const system = await ask('guest-get-osinfo');
  const os = textOf(fieldOf(system, 'pretty-name')) ?? textOf(fieldOf(system, 'name'));
  const addresses = addressesOf(await ask('guest-network-get-interfaces'));
  return {
    ...(hostname === undefined ? {} : { hostname }),
    ...(os === undefined ? {} : { os }),
    addresses,
  };
};
