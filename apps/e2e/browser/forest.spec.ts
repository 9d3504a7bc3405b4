import { join } from 'node:path';
import { expect, test } from '../src/browser.ts';
import { imagesAt, makeChain } from '../src/images.ts';

test('the forest of the library: walked by keys, searched, opened, and true to what changes', async ({
  page,
  strata,
}) => {
  const folder = join(strata.dataDir, 'images');
  const chain = await imagesAt(strata, makeChain(folder, 'web'));
  const vm = await strata.ok('POST', '/vms', {
    name: 'Shop',
    memory: 64 * 1024 ** 2,
    disks: [{ imageId: chain.active.id }],
  });
  await page.goto(strata.readyLink);
  await page.goto(`${strata.url}/library`);
  await page.getByText('Forest', { exact: true }).click();
  await expect(page).toHaveURL(/view=forest/);

  const tree = page.getByRole('tree');
  await expect(tree.getByRole('treeitem')).toHaveCount(6);
  await expect(tree.getByRole('treeitem', { name: /^VM Shop, off$/ })).toHaveAttribute('aria-level', '6');
  const drawn = (id: string) => page.locator(`[data-node="${id}"]`);
  const middle = async (id: string) => {
    const box = await drawn(id).boundingBox();
    if (box === null) throw new Error(`${id} is not drawn`);
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  await expect(drawn(chain.base.id)).toContainText('qcow2');
  expect((await middle(chain.base.id)).y).toBeGreaterThan((await middle(chain.s1.id)).y);

  const current = (name: RegExp) =>
    expect
      .poll(async () => {
        const id = await tree.getAttribute('aria-activedescendant');
        return id === null ? '' : page.locator(`[id="${id}"]`).getAttribute('aria-label');
      })
      .toMatch(name);
  await tree.focus();
  for (const [key, name] of [
    ['Home', /^web-base/],
    ['ArrowUp', /^web-s1/],
    ['ArrowUp', /^web-s2/],
    ['ArrowDown', /^web-s1/],
  ] as const) {
    await page.keyboard.press(key);
    await current(name);
  }
  await page.keyboard.press('Enter');
  const details = page.getByRole('dialog');
  await expect(details.getByRole('link', { name: 'Show the layers' })).toBeVisible();
  await expect(details).toContainText(chain.s1.path);
  // The same actions as in the Layers view, with their prices; Escape leaves the plan and then the details.
  const commit = details.getByRole('button', { name: /^Commit web-s1/ });
  await expect(commit).toContainText('moves');
  await commit.click();
  await expect(page.getByRole('dialog')).toHaveCount(2);
  await expect(page.getByRole('heading', { name: /^Commit web-s1/ })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(1);
  await expect(details).toContainText(chain.s1.path);
  await page.keyboard.press('Escape');
  await expect(details).toBeHidden();
  await expect(page).toHaveURL(/view=forest/);

  await page.getByRole('searchbox').fill('web-s3');
  await expect(page.getByText('1 found')).toBeVisible();
  await expect(drawn(chain.s3.id)).toHaveAttribute('data-found');
  await expect(drawn(chain.s1.id)).toHaveAttribute('data-faded');
  await page.getByRole('searchbox').fill('');

  // A branch comes into being beside the chain: it is drawn at once, and what one looks at does not move.
  await tree.focus();
  await page.keyboard.press('Home');
  await current(/^web-base/);
  await page.waitForTimeout(500);
  const before = await middle(chain.base.id);
  const branch = await strata.ok('POST', '/images', { name: 'a-branch', backing: chain.base.id });
  await expect(tree.getByRole('treeitem')).toHaveCount(7);
  await expect(drawn(branch.id)).toBeVisible();
  const after = await middle(chain.base.id);
  expect(Math.hypot(after.x - before.x, after.y - before.y)).toBeLessThan(2);
  expect((await middle(branch.id)).y).toBeCloseTo((await middle(chain.s1.id)).y, 0);

  await page.getByRole('button', { name: 'Show all' }).click();
  // The view glides there: a click on the way would hit what has just moved on.
  const machine = `vm:${vm.id}:${vm.disks[0].id}`;
  await expect
    .poll(async () => {
      const one = await middle(machine);
      await page.waitForTimeout(250);
      const other = await middle(machine);
      return Math.hypot(other.x - one.x, other.y - one.y);
    })
    .toBeLessThan(0.5);
  await drawn(machine).click();
  await expect(page).toHaveURL(new RegExp(`/vms/${vm.id}/layers`));
  await expect(page.getByRole('grid').getByRole('row')).toHaveCount(5);
});
