import type { NicInput } from '@strata/contract';

type Forward = NicInput['forwards'][number];

/** Others can reach the address, or the port is one that systems keep for their own services: it wants a word for it. */
export function needsExposed({ hostAddress, hostPort }: Forward): boolean {
  return hostPort < 1024 || !/^(127\.|::1$)/.test(hostAddress);
}

/** A word given for an earlier address is not kept for one that it was not meant for. */
export function withoutNeedlessWord(forward: Forward): Forward {
  if (needsExposed(forward)) return forward;
  const { exposed: _, ...rest } = forward;
  return rest;
}
