// `npm test [-- unit|qemu|browser …]`: installs what the tests need and runs them. What failed is named at the end; the last line counts.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { fetchGuestAgent } from './guest-agent.mjs';
import { run } from './run.mjs';
import { say } from './say.mjs';
import { ensureSystemPackages } from './system-packages.mjs';
import { build, checkNode, Halt, installDependencies, pnpm, root } from './workspace.mjs';

const results = join(root, '.cache/test-results');

const readJson = (file) => {
  try {
    return JSON.parse(readFileSync(join(results, file), 'utf8'));
  } catch {
    return null;
  }
};

/** What a person needs of a failure that scrolled away long ago: which test, and the first lines of why. */
const failure = (name, message = '') =>
  [name, ...stripVTControlCharacters(message).split('\n').slice(0, 12)].join('\n    ').trimEnd();

/** A program that passes or fails as a whole. */
const check = async (name, args) => {
  say(`${name} …`);
  const { code } = await pnpm(args);
  return code === 0 ? { passed: 1, failed: 0, failures: [] } : { passed: 0, failed: 1, failures: [name] };
};

const vitest = async (project) => {
  say(`${project} tests …`);
  const report = `${project}.json`;
  const { code } = await pnpm([
    'exec',
    'vitest',
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${join(results, report)}`,
  ]);
  const json = readJson(report);
  const failed = json?.numFailedTests ?? 0;
  const failures = (json?.testResults ?? []).flatMap((file) => [
    ...(file.message ? [failure(file.name, file.message)] : []),
    ...file.assertionResults
      .filter((test) => test.status === 'failed')
      .map((test) => failure(`${file.name} › ${test.fullName}`, test.failureMessages.join('\n'))),
  ]);
  return {
    passed: json?.numPassedTests ?? 0,
    // A suite that could not be loaded, or an error outside any test, fails the run without failing a test.
    failed: code !== 0 && failed === 0 ? 1 : failed,
    failures,
  };
};

const failedSpecs = (suite) => [
  ...(suite.suites ?? []).flatMap(failedSpecs),
  ...(suite.specs ?? [])
    .filter((spec) => !spec.ok)
    .map((spec) =>
      failure(
        `${spec.file}:${spec.line} › ${spec.title}`,
        spec.tests.flatMap((test) => test.results.map((result) => result.error?.message ?? '')).join('\n'),
      ),
    ),
];

const playwright = async () => {
  say('browser tests …');
  const { code } = await run(
    process.execPath,
    [join(root, 'apps/e2e/node_modules/@playwright/test/cli.js'), 'test'],
    {
      cwd: join(root, 'apps/e2e'),
      env: { ...process.env, PLAYWRIGHT_JSON_OUTPUT_FILE: join(results, 'browser.json') },
    },
  );
  const json = readJson('browser.json');
  const stats = json?.stats;
  const failed = stats?.unexpected ?? 0;
  return {
    passed: (stats?.expected ?? 0) + (stats?.flaky ?? 0),
    failed: code !== 0 && failed === 0 ? 1 : failed,
    failures: json ? failedSpecs(json) : [],
  };
};

const phases = {
  lint: () => check('lint', ['run', 'lint']),
  types: () => check('types', ['run', 'typecheck']),
  unit: () => vitest('unit'),
  qemu: () => vitest('qemu'),
  browser: playwright,
};

const main = async () => {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !(name in phases));
  if (unknown.length > 0)
    throw new Halt(`no such tests: ${unknown.join(', ')} (${Object.keys(phases).join(', ')})`);
  checkNode();
  if (!(await ensureSystemPackages(['qemu', 'uefi', 'unpackers', 'assembler', 'browser', 'testGuest']))) {
    throw new Halt('the tests need the packages above.');
  }
  // Without these, what needs them is left out.
  await ensureSystemPackages(['exportTools', 'imageMakers', 'guestFiles']);
  await fetchGuestAgent();
  await installDependencies();
  await build();
  rmSync(results, { recursive: true, force: true });
  mkdirSync(results, { recursive: true });
  const total = { passed: 0, failed: 0, failures: [] };
  for (const [name, phase] of Object.entries(phases)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const { passed, failed, failures } = await phase();
    say(`${name}: ${passed} passed, ${failed} failed`);
    total.passed += passed;
    total.failed += failed;
    total.failures.push(...failures.map((text) => `${name}: ${text}`));
  }
  for (const text of total.failures) say(`failed: ${text}`);
  process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);
  process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
};

try {
  await main();
} catch (error) {
  if (!(error instanceof Halt)) throw error;
  say(error.message);
  process.stdout.write('0 passed, 1 failed\n');
  process.exitCode = 1;
}
