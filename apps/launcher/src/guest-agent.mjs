// The guest agent of the test guest, taken out of its package: installed, it would serve this very host.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run, which } from './run.mjs';
import { say } from './say.mjs';
import { root } from './workspace.mjs';

const folder = join(root, '.cache/test-guest');
const program = join(folder, 'usr/sbin/qemu-ga');

const quietly = (name, args) => run(name, args, { cwd: folder, quiet: true });
// Without a network the other tests shall not wait for it.
const apt = (...words) =>
  quietly('apt-get', ['-o', 'Acquire::http::Timeout=10', '-o', 'Acquire::Retries=0', ...words]);
const download = async () => (await apt('download', 'qemu-guest-agent')).code === 0;

/** Fetches the program unless it is there. Without it one test is left out, which is said here. */
export const fetchGuestAgent = async () => {
  if (existsSync(program) || existsSync('/usr/sbin/qemu-ga')) return;
  mkdirSync(folder, { recursive: true });
  if (which('apt-get') !== null && which('dpkg-deb') !== null) {
    say('fetching the guest agent (for the guest of the tests)');
    // The lists of packages may be missing or old.
    if (!(await download()) && process.getuid?.() === 0) {
      await apt('update', '-qq');
      await download();
    }
    for (const archive of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
      await quietly('dpkg-deb', ['-x', archive, folder]);
      rmSync(join(folder, archive));
    }
  }
  if (!existsSync(program))
    say('there is no guest agent (the program of the package qemu-guest-agent): its test is left out.');
};
