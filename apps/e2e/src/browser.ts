import { test as base, expect, type Page } from '@playwright/test';
import { disposeStrata, type Strata, startStrata } from './strata.ts';

/** A server of its own for each test, and a page that fails the test when it breaks or violates its own policy. */
export const test = base.extend<{ strata: Strata; complaints: string[] }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern to know what a fixture needs
  strata: async ({}, use) => {
    const strata = await startStrata();
    await use(strata);
    await disposeStrata(strata);
  },
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`));
      page.on('console', (message) => {
        if (/Content Security Policy/i.test(message.text())) complaints.push(message.text());
      });
      page.on('response', (response) => {
        // Asking for a picture that there cannot be leaves a red line in the browser's console.
        if (response.status() === 404 && response.url().endsWith('/screenshot'))
          complaints.push(`no picture: ${response.url()}`);
      });
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** The colours on the screen of a VM: an unpainted canvas has one at most. */
export const coloursOnScreen = (page: Page): Promise<number> =>
  page
    .locator('canvas')
    .first()
    .evaluate((canvas: HTMLCanvasElement) => {
      const context = canvas.getContext('2d');
      if (context === null || canvas.width === 0 || canvas.height === 0) return 0;
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      const seen = new Set<number>();
      for (let at = 0; at < data.length; at += 4) {
        seen.add(((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0));
      }
      return seen.size;
    });

/** What the demo counts, as its serial console says it: the last number. */
export const countedBoots = async (page: Page): Promise<number> => {
  const text = (await page.locator('.xterm-rows').allInnerTexts()).join('\n');
  const numbers = [...text.matchAll(/counted on this disk: *(\d+)/gi)];
  return Number(numbers.at(-1)?.[1] ?? Number.NaN);
};
