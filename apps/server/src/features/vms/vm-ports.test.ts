import { expect, it } from 'vitest';
import { sharedPorts } from './vm-ports.ts';

type Ports = Parameters<typeof sharedPorts>[0];

const vm = (id: string, hostAddress: string, hostPort: number, protocol: 'tcp' | 'udp' = 'tcp'): Ports =>
  ({
    id,
    name: `VM ${id}`,
    definition: { nics: [{ forwards: [{ protocol, hostAddress, hostPort, guestPort: 22 }] }] },
  }) as unknown as Ports;
const branch = vm('branch', '127.0.0.1', 2222);

it('tells that a branch forwards the port of the VM it was made from', () => {
  const [problem] = sharedPorts(branch, () => [branch, vm('origin', '127.0.0.1', 2222)]);
  expect(problem).toMatchObject({ code: 'port-shared' });
  expect(problem?.message).toContain('“VM origin” forwards the same port of this host: 2222 (tcp)');
});

it.each([
  ['any address takes the port as well', vm('other', '0.0.0.0', 2222), 1],
  ['another address does not', vm('other', '127.0.0.2', 2222), 0],
  ['nor another protocol', vm('other', '127.0.0.1', 2222, 'udp'), 0],
  ['nor another port', vm('other', '127.0.0.1', 2223), 0],
  ['nor the VM itself', branch, 0],
])('%s', (_what, other, count) => {
  expect(sharedPorts(branch, () => [other])).toHaveLength(count);
});
