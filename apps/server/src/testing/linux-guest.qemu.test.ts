import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type GuestConsole, openSerial } from './guest-console.ts';
import { buildLinuxGuest, patternBytes } from './linux-guest.ts';

const whenThere = async (path: string): Promise<GuestConsole> => {
  for (let attempt = 0; attempt < 200; attempt += 1)
    try {
      return await openSerial(path);
    } catch {
      await sleep(25);
    }
  throw new Error(`nobody listens on ${path}`);
};

describe('the Linux test guest', () => {
  it('boots, writes what it is told, reads it back, checks its log, and powers off', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strata-guest-'));
    const { kernel, initrd, append } = await buildLinuxGuest();
    const disk = join(folder, 'disk.raw');
    execFileSync('qemu-img', ['create', '-q', '-f', 'raw', disk, '64M']);
    const qemu = spawn('qemu-system-x86_64', [
      ...['-nodefaults', '-display', 'none', '-machine', 'q35', '-accel', 'tcg', '-cpu', 'max', '-m', '160M'],
      ...['-kernel', kernel, '-initrd', initrd, '-append', append],
      ...['-chardev', `socket,id=s,path=${folder}/s,server=on,wait=off`, '-device', 'isa-serial,chardev=s'],
      ...['-blockdev', `{"driver":"raw","node-name":"d","file":{"driver":"file","filename":"${disk}"}}`],
      ...['-device', 'virtio-blk-pci,drive=d,serial=mydisk'],
    ]);
    const ended = new Promise((resolve) => qemu.once('exit', resolve));
    try {
      const guest = await whenThere(join(folder, 's'));
      await guest.ready();
      expect(await guest.command('disks')).toContain('vda:mydisk:67108864');
      await guest.command('write /dev/vda 16 32 7');
      const wanted = createHash('sha256').update(patternBytes(7, 32)).digest('hex');
      expect(await guest.command('sum /dev/vda 16 32')).toBe(wanted);
      expect(await guest.command('check /dev/vda 16 32 7')).toBe('same');
      expect(await guest.command('check /dev/vda 16 32 8')).toBe('different');
      await expect(guest.command('nonsense')).rejects.toThrow('no command nonsense');

      await guest.command('log-start /dev/vda 4096 8');
      await expect
        .poll(() => guest.command('log-count').then(Number), { timeout: 60_000 })
        .toBeGreaterThan(8);
      const count = Number(await guest.command('log-stop'));
      expect(count).toBeGreaterThan(8);
      expect(await guest.command('log-check')).toBe('8');
      await guest.command('write /dev/vda 4098 1 1');
      await expect(guest.command('log-check')).rejects.toThrow('bad 1 of 8');

      guest.tell('poweroff');
      await ended;
      expect(
        readFileSync(disk)
          .subarray(16 * 4096, 48 * 4096)
          .equals(patternBytes(7, 32)),
      ).toBe(true);
    } finally {
      qemu.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
