import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';

/** What may wait in memory for a slow viewer before the source is held, and when it goes on (security.md §6). */
export const bridgeLimits = { hold: 4 * 1024 ** 2, resume: 1024 ** 2 } as const;

export const toBuffer = (data: RawData): Buffer =>
  Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);

/** From QEMU to the page: the unix socket is held while the page does not take what was sent. */
const forward = (source: Socket, viewer: WebSocket): void => {
  const resume = (): void => {
    if (source.isPaused() && viewer.bufferedAmount < bridgeLimits.resume) source.resume();
  };
  source.on('data', (bytes) => {
    // Called when the bytes have left for the kernel: the only sign of drained memory that `ws` gives.
    viewer.send(bytes, { binary: true }, resume);
    if (viewer.bufferedAmount > bridgeLimits.hold) source.pause();
  });
};

/** From the page to QEMU: the WebSocket is held while QEMU does not read. */
const backward = (viewer: WebSocket, target: Socket): void => {
  viewer.on('message', (data) => {
    if (!target.write(toBuffer(data))) viewer.pause();
  });
  target.on('drain', () => viewer.resume());
};

/** Joins a WebSocket and a unix socket without looking at what passes; when one ends, the other does. */
export const bridge = (viewer: WebSocket, target: Socket): void => {
  forward(target, viewer);
  backward(viewer, target);
  target.on('close', () => {
    // A paused WebSocket would never see the answer to its close frame.
    viewer.resume();
    viewer.close(1000, 'the VM ended');
  });
  target.on('error', () => target.destroy());
  viewer.on('close', () => target.destroy());
};
