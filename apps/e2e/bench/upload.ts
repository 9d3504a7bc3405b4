import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Strata, token } from '../src/strata.ts';
import { type Line, median, timed } from './table.ts';

/** What writes what comes into a file, and syncs it before it answers: a process of its own, like Strata. */
const sinkProgram = `
  const { createServer } = require('node:http');
  const { createWriteStream } = require('node:fs');
  createServer((request, response) => {
    request.pipe(createWriteStream(process.argv[1], { flush: true })).once('close', () => response.end());
  }).listen(0, '127.0.0.1', function () { console.log(this.address().port); });
`;

const startSink = async (path: string): Promise<{ child: ChildProcess; url: string }> => {
  const child = spawn(process.execPath, ['-e', sinkProgram, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  return { child, url: `http://127.0.0.1:${String(port).trim()}/` };
};

const send = async (...args: string[]): Promise<void> => {
  const child = spawn('curl', ['-sSf', '-H', 'Expect:', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number];
  if (code !== 0) throw new Error(`curl ended with ${code}`);
};

/** One file, sent by curl in one request, to Strata and to a plain sink; each side begins once. */
export const benchUpload = async (strata: Strata, mebibytes: number, rounds: number): Promise<Line[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'strata-bench-'));
  const file = join(folder, 'file');
  const sink = await startSink(join(folder, 'sink'));
  try {
    execFileSync('dd', ['if=/dev/urandom', `of=${file}`, 'bs=1M', `count=${mebibytes}`, 'status=none']);
    const headers = { authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0' };
    const asArguments = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
    const toStrata = async (): Promise<number> => {
      const begun = await fetch(`${strata.url}/api/v1/uploads`, {
        method: 'POST',
        headers: {
          ...headers,
          'upload-length': String(mebibytes * 1024 ** 2),
          'upload-metadata': `filename ${Buffer.from('bench.img').toString('base64')},useReserve ${Buffer.from('true').toString('base64')}`,
        },
      });
      const url = `${strata.url}${begun.headers.get('location')}`;
      const part = ['-H', 'Upload-Offset: 0', '-H', 'Content-Type: application/offset+octet-stream'];
      return timed(() => send('-X', 'PATCH', ...asArguments, ...part, '-T', file, url));
    };
    const toSink = (): Promise<number> => timed(() => send('-T', file, sink.url));
    const [ours, plain]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      if (round % 2 === 0) ours.push(await toStrata());
      plain.push(await toSink());
      if (round % 2 === 1) ours.push(await toStrata());
      await settle();
    }
    const other = { other: 'curl to a plain sink', otherMs: median(plain) };
    return [{ what: `upload of ${mebibytes} MiB`, strata: median(ours), ...other, aim: '≤ 1.11' }];
  } finally {
    sink.child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
};

/** What one side has written must not be on its way to the disk while the other is measured. */
const settle = async (): Promise<void> => {
  execFileSync('sync');
  await promisify(setTimeout)(200);
};
