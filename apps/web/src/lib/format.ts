const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `3.8 GiB`: three figures at most, as people compare sizes and do not read them out. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '–';
  if (bytes === 1) return '1 byte';
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  // 1023.96 KiB would read as "1024 KiB": step over to the next unit instead.
  if (unit > 0 && unit < units.length - 1 && Math.round(value * 10) / 10 >= 1024) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${trimZero(value.toFixed(digits))} ${units[unit]}`;
}

/** A place on a disk, with as many digits as tell it from one that is an eighth of `span` away. */
export function formatPlace(place: number, span: number): string {
  const unit = place < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(place) / 10));
  const digits = Math.min(9, Math.max(0, Math.ceil(Math.log10((8 * 1024 ** unit) / Math.max(span, 1)))));
  return `${trimZero((place / 1024 ** unit).toFixed(unit === 0 ? 0 : digits))} ${units[unit]}`;
}

/** `4,080,218,931 bytes`, for the hover. */
export function formatExactBytes(bytes: number): string {
  return `${bytes.toLocaleString('en-US')} ${bytes === 1 ? 'byte' : 'bytes'}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** Whole seconds as `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`: the two largest parts. */
export function formatDuration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(total / 86_400), 'd'],
    [Math.floor((total % 86_400) / 3600), 'h'],
    [Math.floor((total % 3600) / 60), 'min'],
    [total % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** A short while: `0.4 ms`, `23 ms`, `1.6 s`. */
export function formatMilliseconds(milliseconds: number): string {
  if (milliseconds >= 1000) return `${trimZero((milliseconds / 1000).toFixed(1))} s`;
  return `${trimZero(milliseconds.toFixed(milliseconds < 10 ? 1 : 0))} ms`;
}

/** `just now`, `5 min ago`, `3 h ago`, `yesterday`, then the date. Times ahead of us are clock skew: `just now`. */
export function formatRelativeTime(iso: string, now: number): string {
  const seconds = (now - Date.parse(iso)) / 1000;
  if (Number.isNaN(seconds)) return '–';
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 2 * 86_400) return 'yesterday';
  if (seconds < 14 * 86_400) return `${Math.floor(seconds / 86_400)} days ago`;
  return new Date(iso).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

/** `in 1 min`, `in 2 d 4 h`, in whole minutes: the clock behind it does not tick each second; `now` when it is due. */
export function formatUntil(iso: string, now: number): string {
  const seconds = (Date.parse(iso) - now) / 1000;
  if (!(seconds > 0)) return 'now';
  return `in ${formatDuration(Math.max(Math.floor(seconds / 60), 1) * 60)}`;
}

/** How long something has been going: `12 s`, `3 h`, only the largest part, for a calm label. */
export function formatAge(iso: string, now: number): string {
  return formatDuration((now - Date.parse(iso)) / 1000)
    .split(' ')
    .slice(0, 2)
    .join(' ');
}

export function formatAbsoluteTime(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime())
    ? iso
    : date.toLocaleString('en-GB', { dateStyle: 'full', timeStyle: 'medium' });
}

/** `23 Nov, 14:30`, for a name. */
export function formatShortTime(date: Date): string {
  return date.toLocaleString('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
}

export function formatCount(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** `10G`, `512 MiB`, `1.5 TB` or plain bytes, as people type sizes, in powers of 1024; null when it is none. */
export function parseSize(text: string): number | null {
  const match = /^\s*([0-9]+(?:[.,][0-9]+)?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text);
  if (!match) return null;
  const power = ' kmgt'.indexOf((match[2] || ' ').toLowerCase());
  const bytes = Number((match[1] ?? '').replace(',', '.')) * 1024 ** power;
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : null;
}

function trimZero(text: string): string {
  return text.replace(/\.0+$/, '');
}
