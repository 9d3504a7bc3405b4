import { expect, it } from 'vitest';
import { progressRate } from './progress-rate.ts';

const clocked = () => {
  let time = 0;
  const rate = progressRate(() => time);
  return {
    rate,
    at: (ms: number, done: number) => {
      time = ms;
      rate.add(done);
    },
  };
};

it('knows no rate before there is something to measure', () => {
  const { rate, at } = clocked();
  expect(rate.read(100)).toEqual({ bytesPerSecond: null, etaSeconds: null });
  at(0, 0);
  expect(rate.read(100)).toEqual({ bytesPerSecond: null, etaSeconds: null });
});

it('measures over the last seconds only and says how long the rest takes', () => {
  const { rate, at } = clocked();
  for (let second = 0; second <= 20; second += 1) at(second * 1000, second * 1000);
  for (let second = 21; second <= 30; second += 1) at(second * 1000, 20_000 + (second - 20) * 10);
  expect(rate.read(20_200)).toEqual({ bytesPerSecond: 10, etaSeconds: 10 });
});

it('starts again when the job does', () => {
  const { rate, at } = clocked();
  at(0, 5000);
  at(1000, 9000);
  at(1500, 0);
  at(2500, 100);
  expect(rate.read(1100)).toEqual({ bytesPerSecond: 100, etaSeconds: 10 });
});
