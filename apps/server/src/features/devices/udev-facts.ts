import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What udev has read of a device when it appeared. Everything in it is text of whoever made the disk or formatted it. */
export interface UdevFacts {
  readonly serial: string | null;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly wwn: string | null;
  readonly fileSystem: string | null;
  readonly label: string | null;
}

/** `\x20` and its kind. */
const decoded = (text: string): string =>
  Buffer.from(
    text.replace(/\\x([0-9a-f]{2})/gi, (_all, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    ),
    'latin1',
  ).toString('utf8');

const shown = (text: string | undefined): string | null => {
  const plain = (text ?? '').replace(/[\p{Cc}\p{Cs}\p{Cf}\p{Zl}\p{Zp}\ufffd]+/gu, ' ').trim();
  return plain === '' ? null : plain.slice(0, 100);
};

export const readUdevFacts = async (folder: string, majorMinor: string): Promise<UdevFacts> => {
  const text = await readFile(join(folder, `b${majorMinor}`), 'latin1').catch(() => '');
  const entries = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^E:([A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) entries.set(name, decoded(value));
  }
  return {
    serial: shown(entries.get('ID_SERIAL_SHORT')),
    vendor: shown((entries.get('ID_VENDOR') ?? '').replaceAll('_', ' ')),
    model: shown((entries.get('ID_MODEL') ?? '').replaceAll('_', ' ')),
    wwn: shown(entries.get('ID_WWN')),
    fileSystem: shown(entries.get('ID_FS_TYPE')),
    label: shown(entries.get('ID_FS_LABEL_ENC') ?? entries.get('ID_FS_LABEL')),
  };
};
