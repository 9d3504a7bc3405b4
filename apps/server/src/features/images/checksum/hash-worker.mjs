// One thread, one digest: computes in its own time, so that the server answers meanwhile. It is told piece by piece what to
// hash: a range of the open file, or so many zeros (a hole, which need not be read).
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const { fd, algorithm } = workerData;
const hash = createHash(algorithm);
/** What fits beside the digest's own state into a processor's cache. */
const block = Buffer.alloc(256 * 1024);
const zeros = Buffer.alloc(256 * 1024);

const read = (offset, length) => {
  for (let at = 0; at < length; ) {
    const got = readSync(fd, block, at, length - at, offset + at);
    if (got === 0) throw new Error('the file became shorter while it was read');
    at += got;
  }
  return block;
};

const add = ({ offset, length, zero }) => {
  for (let at = 0; at < length; at += block.length) {
    const size = Math.min(block.length, length - at);
    hash.update((zero ? zeros : read(offset + at, size)).subarray(0, size));
  }
};

parentPort.on('message', (piece) => {
  if (piece === 'digest') {
    parentPort.postMessage(hash.digest('hex'));
    parentPort.close();
    return;
  }
  add(piece);
  parentPort.postMessage('done');
});
