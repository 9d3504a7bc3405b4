import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { QmpClient } from './client.types.ts';
import { commandTable, eventTable } from './command-table.ts';
import { connectQmp } from './connect.ts';
import type { SchemaEntry } from './structs.ts';

let folder: string;
let qemu: ChildProcess;
let client: QmpClient;
let schema: ReadonlyMap<string, SchemaEntry>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qmp-'));
  const path = join(folder, 'q');
  const args = ['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'none', '-accel', 'tcg'];
  const monitor = [
    '-chardev',
    `socket,id=q,path=${path},server=on,wait=off`,
    '-mon',
    'chardev=q,mode=control',
  ];
  qemu = spawn('qemu-system-x86_64', [...args, ...monitor], { stdio: 'ignore' });
  client = await connectQmp({ path, waitForSocketMs: 10_000 });
  const entries = await client.execute('query-qmp-schema');
  schema = new Map(entries.map((entry) => [`${entry['meta-type']}:${entry.name}`, entry]));
});

afterAll(async () => {
  await client.execute('quit');
  await client.closed;
  qemu.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** The members of an argument type as the running QEMU has them. */
function membersOf(typeName: string | undefined): ReadonlyMap<string, 'required' | 'optional'> {
  const type = schema.get(`object:${typeName}`);
  expect(type, `object type ${typeName}`).toBeDefined();
  return new Map(
    (type?.members ?? []).map((member) => [
      String(member.name),
      'default' in member ? ('optional' as const) : ('required' as const),
    ]),
  );
}

/** Ours must exist there; what is required there must be required here, or a call that compiles could be refused. */
function expectToFit(ours: Record<string, string>, theirs: ReadonlyMap<string, string>): void {
  for (const [name, presence] of Object.entries(ours))
    expect([name, theirs.get(name)]).toEqual([name, presence]);
  for (const [name, presence] of theirs) {
    if (presence === 'required') expect([name, ours[name]]).toEqual([name, 'required']);
  }
}

describe('every command of the typed map exists in the installed QEMU, with these arguments', () => {
  it.each(Object.entries(commandTable))('%s', (name, members) => {
    const command = schema.get(`command:${name}`);
    expect(command, name).toBeDefined();
    expectToFit(members, membersOf(command?.['arg-type']));
  });
});

describe('every event of the typed map exists in the installed QEMU, with this data', () => {
  it.each(Object.entries(eventTable))('%s', (name, members) => {
    const event = schema.get(`event:${name}`);
    expect(event, name).toBeDefined();
    expectToFit(members, membersOf(event?.['arg-type']));
  });
});

describe('a session with the installed QEMU', () => {
  it('says which version it is', async () => {
    const { qemu: version } = await client.execute('query-version');
    expect(client.version).toMatchObject(version);
    expect(client.version.text).toBe(`${version.major}.${version.minor}.${version.micro}`);
  });

  it('takes the schema, half a megabyte in one message', async () => {
    expect(schema.size).toBeGreaterThan(500);
    expect(await client.execute('query-name')).toEqual({});
  });

  it('gives a second client on the same socket no greeting, and says what that means', async () => {
    const path = join(folder, 'q');
    await expect(connectQmp({ path, greetingTimeoutMs: 200 })).rejects.toMatchObject({
      name: 'QmpConnectError',
      reason: 'no-greeting',
    });
  });

  it('carries QEMU’s own words in a command error', async () => {
    await expect(client.execute('blockdev-del', { 'node-name': 'nowhere' })).rejects.toMatchObject({
      name: 'QmpCommandError',
      class: 'GenericError',
      desc: "Failed to find node with node-name='nowhere'",
      command: 'blockdev-del',
    });
  });
});
