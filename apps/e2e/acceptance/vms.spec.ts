import { expect, test } from '@playwright/test';
import { buildLinuxGuest } from '../../server/src/testing/linux-guest.ts';
import { openSerial } from '../src/serial.ts';
import { disposeStrata, type Json, type Strata, startStrata, until } from '../src/strata.ts';

let strata: Strata;
test.beforeAll(async () => {
  strata = await startStrata();
});
test.afterAll(() => disposeStrata(strata));

const stateOf = async (vm: Json): Promise<string> => (await strata.ok('GET', `/vms/${vm.id}`)).state;

test('a Linux guest lives through start, pause, resume, reset, graceful shutdown and power off', async () => {
  const { kernel, initrd } = await buildLinuxGuest();
  const vm = await strata.ok('POST', '/vms', {
    name: 'linux',
    memory: '256M',
    kernel: { path: kernel, initrd, append: 'console=ttyS0 quiet' },
    disks: [{ create: { format: 'qcow2', size: '64M' } }],
  });
  expect(vm).toMatchObject({ state: 'off', accelerator: 'auto', arch: 'x86_64', cpus: 1 });
  expect(vm.machine).toMatch(/^pc-q35-\d/);
  expect(vm.nics[0].mac).toMatch(/^52:54:00:/);

  const started = await strata.ok('POST', `/vms/${vm.id}/start`);
  expect(started.state).toBe('running');
  expect(started.effectiveAccelerator.kind).toBe('tcg');
  const serial = await openSerial(strata, vm.id);
  await serial.until(/READY/);

  expect((await strata.ok('POST', `/vms/${vm.id}/pause`)).state).toBe('paused');
  expect((await strata.ok('POST', `/vms/${vm.id}/resume`)).state).toBe('running');
  serial.mark();
  await strata.ok('POST', `/vms/${vm.id}/reset`);
  await serial.until(/READY/);
  serial.close();

  const stopping = await strata.call('POST', `/vms/${vm.id}/shutdown`);
  expect(stopping.status).toBe(202);
  await until(
    'the guest is down',
    () => stateOf(vm),
    (state) => state === 'off',
  );

  await strata.ok('POST', `/vms/${vm.id}/start`);
  expect((await strata.ok('POST', `/vms/${vm.id}/poweroff`)).state).toBe('off');
  expect((await strata.call('POST', `/vms/${vm.id}/poweroff`)).body.code).toBe('vm-not-running');
});

test('says how it would be started, to copy and to run', async () => {
  const vm = await strata.ok('POST', '/vms', { name: 'command' });
  const { argv, shell } = await strata.ok('GET', `/vms/${vm.id}/command`);
  expect(argv[0]).toMatch(/qemu-system-x86_64$/);
  expect(argv).toContain('-nodefaults');
  expect(argv.join(' ')).toContain('-sandbox on');
  expect(shell).toContain('qemu-system-x86_64');
  await strata.ok('DELETE', `/vms/${vm.id}`);
});

test('refuses what it cannot make sense of, in words, and changes nothing', async () => {
  const before = (await strata.ok('GET', '/vms')).total;
  const bad: [unknown, number][] = [
    [{}, 400],
    [{ name: 'x', surprise: true }, 400],
    [{ name: 'x', memory: true }, 400],
    [{ name: 'x', cpus: '2' }, 400],
    [{ name: 'x'.repeat(10_000) }, 400],
    [{ name: 'a\u0000b' }, 400],
    [{ name: 'x', disks: [{ imageId: 'doesnotexist' }] }, 404],
    [{ name: 'x', disks: [{ create: { format: 'qcow2', size: '999999T' } }] }, 400],
    [{ name: 'x', kernel: { path: '/nowhere/vmlinuz' } }, 422],
  ];
  for (const [body, status] of bad) {
    const answer = await strata.call('POST', '/vms', body);
    expect(answer.status, JSON.stringify(body).slice(0, 80)).toBe(status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body.detail.length).toBeGreaterThan(0);
  }
  expect((await strata.ok('GET', '/vms')).total).toBe(before);
});

test('a port that is taken is said with its number', async () => {
  const forwards = [{ protocol: 'tcp', hostPort: Number(new URL(strata.url).port), guestPort: 22 }];
  const vm = await strata.ok('POST', '/vms', { name: 'taken', nics: [{ mode: 'user', forwards }] });
  const answer = await strata.call('POST', `/vms/${vm.id}/start`);
  expect(answer.status).toBe(409);
  expect(answer.body.code).toBe('port-taken');
  expect(answer.body.detail).toContain(String(forwards[0]?.hostPort));
  expect(await stateOf(vm)).toBe('off');
});
