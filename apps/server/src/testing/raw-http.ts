import { connect } from 'node:net';

/** Whether the first answer is all there; only its length tells, on a connection that stays open. */
const isComplete = (answer: string): boolean => {
  const headersEnd = answer.indexOf('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(answer)?.[1];
  return headersEnd >= 0 && length !== undefined && answer.length - headersEnd - 4 >= Number(length);
};

/** What a server answers to exactly these bytes: one answer, or nothing within the time. */
export const rawHttp = (port: number, bytes: string, quietMilliseconds = 2000): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    const finish = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(quietMilliseconds, finish);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (isComplete(answer)) finish();
    });
    socket.on('close', finish);
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? finish() : reject(error),
    );
    socket.write(bytes);
  });

/** The status of the first answer, 0 when there was none. */
export const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
