import { createConnection, type Socket } from 'node:net';

/*
 * The little of the NBD protocol that reading takes: fixed newstyle negotiation, one export, simple
 * replies (github.com/NetworkBlockDevice/nbd, doc/proto.md). The server is one that we have started.
 */

const optionMagic = 0x49484156454f5054n;
const replyMagic = 0x3e889045565a9n;
const requestMagic = 0x25609513;
const simpleReplyMagic = 0x67446698;
const flags = { fixedNewstyle: 1, noZeroes: 2 };
const optionGo = 7;
const replyAck = 1;
const replyInfo = 3;
const infoExport = 0;
const commands = { read: 0, disconnect: 2 };

/** Bytes as they come, to be taken in the lengths that the protocol says. */
class Incoming {
  private chunks: Buffer[] = [];
  private length = 0;
  private wake: () => void = () => {};
  private ended: Error | null = null;

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.length += chunk.length;
      this.wake();
    });
    const end = (error?: Error): void => {
      this.ended ??= error ?? new Error('the NBD server has closed the connection');
      this.wake();
    };
    socket.on('error', end);
    socket.on('close', () => end());
  }

  async take(wanted: number): Promise<Buffer> {
    while (this.length < wanted) {
      if (this.ended !== null) throw this.ended;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const all = this.chunks.length === 1 ? (this.chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(this.chunks);
    const rest = all.subarray(wanted);
    this.chunks = rest.length === 0 ? [] : [rest];
    this.length = rest.length;
    return all.subarray(0, wanted);
  }
}

export interface NbdReader {
  /** Bytes of the export. */
  readonly size: number;
  /** One read at a time. */
  read(offset: number, length: number): Promise<Buffer>;
  close(): void;
}

const negotiate = async (socket: Socket, incoming: Incoming, exportName: string): Promise<number> => {
  const greeting = await incoming.take(18);
  if (greeting.toString('latin1', 0, 16) !== 'NBDMAGICIHAVEOPT') throw new Error('no NBD server');
  const name = Buffer.from(exportName);
  const hello = Buffer.alloc(4 + 16 + 6 + name.length);
  hello.writeUInt32BE(flags.fixedNewstyle | flags.noZeroes, 0);
  hello.writeBigUInt64BE(optionMagic, 4);
  hello.writeUInt32BE(optionGo, 12);
  // The length of the data: the name (after 4 bytes of its length) and no wish for more information (2 bytes).
  hello.writeUInt32BE(6 + name.length, 16);
  hello.writeUInt32BE(name.length, 20);
  name.copy(hello, 24);
  socket.write(hello);
  let size: number | null = null;
  for (;;) {
    const header = await incoming.take(20);
    if (header.readBigUInt64BE(0) !== replyMagic) throw new Error('the NBD server does not speak as agreed');
    const kind = header.readUInt32BE(12);
    const data = await incoming.take(header.readUInt32BE(16));
    if (kind === replyInfo && data.readUInt16BE(0) === infoExport) size = Number(data.readBigUInt64BE(2));
    else if (kind === replyAck) break;
    else if (kind !== replyInfo) throw new Error(`the NBD server refuses: ${data.toString('utf8')}`);
  }
  if (size === null) throw new Error('the NBD server does not say how long the disk is');
  return size;
};

/** Rejects when nobody listens there. */
export const connectNbd = async (path: string, exportName = ''): Promise<NbdReader> => {
  const socket = createConnection(path);
  const incoming = new Incoming(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const request = (type: number, offset: number, length: number): Buffer => {
    const buffer = Buffer.alloc(28);
    buffer.writeUInt32BE(requestMagic, 0);
    buffer.writeUInt16BE(type, 6);
    buffer.writeBigUInt64BE(BigInt(offset), 16);
    buffer.writeUInt32BE(length, 24);
    return buffer;
  };
  try {
    const size = await negotiate(socket, incoming, exportName);
    return {
      size,
      read: async (offset, length) => {
        socket.write(request(commands.read, offset, length));
        const reply = await incoming.take(16);
        if (reply.readUInt32BE(0) !== simpleReplyMagic)
          throw new Error('the NBD server does not speak as agreed');
        const failure = reply.readUInt32BE(4);
        if (failure !== 0) throw new Error(`reading ${length} bytes at ${offset} failed (error ${failure})`);
        return incoming.take(length);
      },
      close: () => {
        socket.write(request(commands.disconnect, 0, 0));
        socket.end();
      },
    };
  } catch (error) {
    socket.destroy();
    throw error;
  }
};
