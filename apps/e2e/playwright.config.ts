import { defineConfig } from '@playwright/test';

/**
 * Two projects: `acceptance` speaks only the HTTP contract, as a script of a stranger would; `browser` drives
 * the page in the system's Chromium. Both start real servers and real QEMU processes, one worker each.
 */
export default defineConfig({
  fullyParallel: false,
  workers: 2,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  reporter: [['list'], ['json']],
  outputDir: '../../.cache/test-results/playwright',
  projects: [
    { name: 'acceptance', testDir: 'acceptance' },
    {
      name: 'browser',
      testDir: 'browser',
      use: {
        viewport: { width: 1440, height: 900 },
        screenshot: 'only-on-failure',
        launchOptions: {
          executablePath: process.env.STRATA_CHROMIUM ?? '/usr/bin/chromium',
          args: [
            '--no-sandbox',
            '--disable-gpu',
            '--disable-quic',
            '--no-first-run',
            '--disable-background-networking',
          ],
        },
      },
    },
  ],
});
