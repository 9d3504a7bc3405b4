import { describe, expect, it } from 'vitest';
import {
  formatAge,
  formatBytes,
  formatDuration,
  formatExactBytes,
  formatMilliseconds,
  formatRelativeTime,
  formatUntil,
  parseSize,
} from './format.ts';

const now = Date.parse('2026-11-23T12:00:00.000Z');
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

describe('sizes', () => {
  it('are shown in powers of 1024 with three figures at most', () => {
    expect(formatBytes(0)).toBe('0 bytes');
    expect(formatBytes(1)).toBe('1 byte');
    expect(formatBytes(1536)).toBe('1.5 KiB');
    expect(formatBytes(20 * 1024 ** 3)).toBe('20 GiB');
    expect(formatBytes(3.84 * 1024 ** 3)).toBe('3.8 GiB');
    expect(formatBytes(211.7 * 1024 ** 3)).toBe('212 GiB');
  });

  it('never read as 1024 of a unit', () => {
    expect(formatBytes(1024 ** 2 - 1)).toBe('1 MiB');
    expect(formatBytes(1024 ** 3 - 1)).toBe('1 GiB');
  });

  it('are exact on hover', () => {
    expect(formatExactBytes(4_080_218_931)).toBe('4,080,218,931 bytes');
  });

  it('are read as people write them', () => {
    expect(parseSize('20G')).toBe(20 * 1024 ** 3);
    expect(parseSize(' 1.5 TiB ')).toBe(1.5 * 1024 ** 4);
    expect(parseSize('512mb')).toBe(512 * 1024 ** 2);
    expect(parseSize('2,5 G')).toBe(2.5 * 1024 ** 3);
    expect(parseSize('4096')).toBe(4096);
  });

  it('are not guessed from other text', () => {
    for (const text of ['', 'G', '-1G', '10X', '1e9', '9999999999999T']) expect(parseSize(text)).toBeNull();
  });
});

describe('times', () => {
  it('are relative until they are old enough for a date', () => {
    expect(formatRelativeTime(ago(3), now)).toBe('just now');
    expect(formatRelativeTime(ago(300), now)).toBe('5 min ago');
    expect(formatRelativeTime(ago(3 * 3600), now)).toBe('3 h ago');
    expect(formatRelativeTime(ago(30 * 3600), now)).toBe('yesterday');
    expect(formatRelativeTime(ago(5 * 86_400), now)).toBe('5 days ago');
    expect(formatRelativeTime(ago(40 * 86_400), now)).toBe('14 Oct 2026');
  });

  it('ahead of this clock are now, not in minus seconds', () => {
    expect(formatRelativeTime(ago(-30), now)).toBe('just now');
    expect(formatAge(ago(-30), now)).toBe('0 s');
  });

  it('that go on show only their largest part', () => {
    expect(formatAge(ago(3 * 3600 + 120), now)).toBe('3 h');
    expect(formatAge(ago(42), now)).toBe('42 s');
  });

  it('that last show their two largest parts', () => {
    expect(formatDuration(0)).toBe('0 s');
    expect(formatDuration(185)).toBe('3 min 5 s');
    expect(formatDuration(7200)).toBe('2 h');
    expect(formatDuration(90_061)).toBe('1 d 1 h');
  });
});

describe('what is short, and what is to come', () => {
  it('is told in milliseconds below a second', () => {
    expect(formatMilliseconds(0.42)).toBe('0.4 ms');
    expect(formatMilliseconds(23.4)).toBe('23 ms');
    expect(formatMilliseconds(1640)).toBe('1.6 s');
  });
  it('is told as long as it will be, and never as zero', () => {
    expect(formatUntil(ago(-20), now)).toBe('in 1 min');
    expect(formatUntil(ago(-73), now)).toBe('in 1 min');
    expect(formatUntil(ago(-3700), now)).toBe('in 1 h 1 min');
    expect(formatUntil(ago(-5 * 86_400), now)).toBe('in 5 d');
    expect(formatUntil(ago(5), now)).toBe('now');
  });
});
