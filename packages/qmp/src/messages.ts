import { QmpProtocolError } from './errors.ts';

/** What QEMU can send, by docs/interop/qmp-spec. */
export type QmpMessage =
  | { readonly kind: 'greeting'; readonly version: QmpVersion }
  | { readonly kind: 'return'; readonly id: unknown; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: unknown; readonly class: string; readonly desc: string }
  | {
      readonly kind: 'event';
      readonly event: string;
      readonly data: Record<string, unknown>;
      readonly at: number;
    };

export interface QmpVersion {
  readonly major: number;
  readonly minor: number;
  readonly micro: number;
  readonly text: string;
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const excerpt = (line: string): string => JSON.stringify(line.length > 120 ? `${line.slice(0, 120)}…` : line);

/** One line of QMP. Throws `QmpProtocolError` when it is none. */
export function parseMessage(line: string): QmpMessage {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    throw new QmpProtocolError(`not a JSON message: ${excerpt(line)}`, { cause });
  }
  const message = isObject(json) ? readMessage(json) : null;
  if (message === null) throw new QmpProtocolError(`not a QMP message: ${excerpt(line)}`);
  return message;
}

function readMessage(json: Json): QmpMessage | null {
  if ('return' in json) return { kind: 'return', id: json.id, value: json.return };
  if (isObject(json.error)) {
    return {
      kind: 'error',
      id: json.id,
      class: String(json.error.class ?? 'GenericError'),
      desc: String(json.error.desc ?? ''),
    };
  }
  if (typeof json.event === 'string') {
    return {
      kind: 'event',
      event: json.event,
      data: isObject(json.data) ? json.data : {},
      at: readTime(json.timestamp),
    };
  }
  if (isObject(json.QMP)) return { kind: 'greeting', version: readVersion(json.QMP) };
  return null;
}

/** QEMU says -1 when it could not read its clock. */
function readTime(timestamp: unknown): number {
  if (!isObject(timestamp)) return 0;
  const { seconds, microseconds } = timestamp;
  if (typeof seconds !== 'number' || typeof microseconds !== 'number' || seconds < 0) return 0;
  return seconds * 1000 + microseconds / 1000;
}

function readVersion(greeting: Json): QmpVersion {
  const version = isObject(greeting.version) ? greeting.version : {};
  const qemu = isObject(version.qemu) ? version.qemu : {};
  const part = (value: unknown): number => (typeof value === 'number' ? value : 0);
  const [major, minor, micro] = [part(qemu.major), part(qemu.minor), part(qemu.micro)];
  return { major, minor, micro, text: `${major}.${minor}.${micro}` };
}
