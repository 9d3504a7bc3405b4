import { defineConfig } from 'vitest/config';

/** Two projects: `unit` needs nothing but Node.js; `qemu` runs real QEMU processes on real images. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{apps,packages}/*/src/**/*.test.{ts,tsx}'],
          exclude: ['**/*.qemu.test.ts', '**/node_modules/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'qemu',
          include: ['{apps,packages}/*/src/**/*.qemu.test.ts'],
          // Under STRATA_ALL_KILLS=1 the sweeps meet every point at which a server can be killed.
          testTimeout: process.env.STRATA_ALL_KILLS === '1' ? 3_600_000 : 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
    ],
  },
});
