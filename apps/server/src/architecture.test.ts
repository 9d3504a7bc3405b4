import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}
interface Source {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const skipped = new Set(['node_modules', 'dist', 'coverage', 'test-results', 'playwright-report']);
const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (skipped.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });

const statement = /^\s*(?:import|export)\s+(type\s+)?(?:[^'"();]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;
const dynamic = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
const importsOf = (text: string): Import[] => [
  ...[...text.matchAll(statement)].map(([, type, from = '']) => ({ from, typeOnly: type !== undefined })),
  ...[...text.matchAll(dynamic)].map(([, from = '']) => ({ from, typeOnly: false })),
];

const sources: Source[] = ['apps', 'packages']
  .flatMap((folder) => filesBelow(join(root, folder)))
  .filter((path) => /\.(ts|tsx|mjs)$/.test(path))
  .map((path) => {
    const text = readFileSync(path, 'utf8');
    return { path: relative(root, path), text, imports: importsOf(text) };
  });

const isTest = ({ path }: Source): boolean => /\.test\.tsx?$|\/testing\/|^apps\/e2e\//.test(path);
const isProduct = (source: Source): boolean =>
  !isTest(source) && /^(apps\/[^/]+|packages\/[^/]+)\/src\//.test(source.path);
const below = (folder: string) => sources.filter(({ path }) => path.startsWith(folder));
const targetOf = ({ path }: Source, from: string): string =>
  relative(root, resolve(root, dirname(path), from));
/** `path → import`, as a failing test shows it. */
const violations = (
  among: readonly Source[],
  isWrong: (source: Source, imported: Import) => boolean,
): string[] =>
  among.flatMap((source) =>
    source.imports
      .filter((imported) => isWrong(source, imported))
      .map(({ from }) => `${source.path} → ${from}`),
  );
const featureOf = (path: string): string | undefined =>
  /^apps\/server\/src\/features\/([^/]+)\//.exec(path)?.[1];

describe('the rule of dependence', () => {
  it('is checked on real imports', () => {
    expect(sources.length).toBeGreaterThan(100);
    expect(importsOf("import type { A } from './a.ts';\nimport {\n  b,\n} from 'b';\nimport 'c';")).toEqual([
      { from: './a.ts', typeOnly: true },
      { from: 'b', typeOnly: false },
      { from: 'c', typeOnly: false },
    ]);
  });
  it('packages know nothing of the apps', () => {
    expect(
      violations(below('packages/'), (source, { from }) =>
        /(^|\/)apps\//.test(from.startsWith('.') ? targetOf(source, from) : from),
      ),
    ).toEqual([]);
  });
  it('the forest and its planners import nothing but themselves', () => {
    const pure = below('packages/backing-chain/src/').filter((source) => !isTest(source));
    expect(pure.length).toBeGreaterThan(3);
    expect(
      violations(
        pure,
        (source, { from }) =>
          !from.startsWith('.') || !targetOf(source, from).startsWith('packages/backing-chain/src/'),
      ),
    ).toEqual([]);
  });
  it('the reader of partition tables imports nothing but itself', () => {
    const pure = below('packages/partition-table/src/').filter((source) => !isTest(source));
    expect(pure.length).toBeGreaterThan(3);
    expect(violations(pure, (_, { from }) => !from.startsWith('./'))).toEqual([]);
  });
  it('what recognizes file systems imports nothing but itself and the partition tables', () => {
    const pure = below('packages/file-systems/src/').filter((source) => !isTest(source));
    expect(pure.length).toBeGreaterThan(3);
    const own = /^(\.\/.*|@strata\/partition-table)$/;
    expect(violations(pure, (_, { from }) => !own.test(from))).toEqual([]);
  });
  it('the QMP client and the image reader know nothing of Strata', () => {
    const apart = [...below('packages/qmp/src/'), ...below('packages/disk-image/src/')];
    expect(violations(apart, (_, { from }) => from.startsWith('@strata/'))).toEqual([]);
  });
  it('the web app and the server meet in packages only', () => {
    const wrong = (source: Source, { from }: Import): boolean =>
      from.startsWith('.') && targetOf(source, from).split('/')[1] !== source.path.split('/')[1];
    expect(
      violations([...below('apps/web/src/'), ...below('apps/server/src/').filter(isProduct)], wrong),
    ).toEqual([]);
  });
  it('only qemu/ starts processes or speaks QMP; open-browser.ts opens the browser', () => {
    const outside = below('apps/server/src/').filter(
      (source) => isProduct(source) && !/\/src\/qemu\/|\/src\/open-browser\.ts$/.test(source.path),
    );
    const door = /^(execa|(node:)?child_process|@strata\/qmp)$/;
    expect(violations(outside, (_, { from, typeOnly }) => door.test(from) && !typeOnly)).toEqual([]);
  });
  it('a feature reaches another one only through the service it was handed', () => {
    const features = below('apps/server/src/features/').filter(isProduct);
    const wrong = (source: Source, { from, typeOnly }: Import): boolean => {
      const target = from.startsWith('.') ? featureOf(targetOf(source, from)) : undefined;
      return (
        target !== undefined &&
        target !== featureOf(source.path) &&
        !typeOnly &&
        !allowedAcross.has(targetOf(source, from))
      );
    };
    expect(violations(features, wrong)).toEqual([]);
  });
  it('http, db and qemu know of the features nothing but types', () => {
    const lower = ['http', 'db', 'qemu']
      .flatMap((folder) => below(`apps/server/src/${folder}/`))
      .filter(isProduct);
    expect(
      violations(
        lower,
        (source, { from, typeOnly }) =>
          !typeOnly && from.startsWith('.') && featureOf(targetOf(source, from)) !== undefined,
      ),
    ).toEqual([]);
  });
});

/** Pure functions that one feature lends to others: no state, no I/O of their own. */
const allowedAcross: ReadonlySet<string> = new Set([
  'apps/server/src/features/operations/operation-answer.ts',
  'apps/server/src/features/operations/connect-operations.ts',
  'apps/server/src/features/chains/taint-blockers.ts',
  'apps/server/src/features/chains/byte-words.ts',
  'apps/server/src/features/images/path-trees.ts',
  'apps/server/src/features/images/checksum/remembered-checksum.ts',
]);

describe('names', () => {
  const product = sources.filter((source) => /\/src\//.test(source.path));
  it('of files are kebab-case with a role', () => {
    const wrong = product
      .map(({ path }) => path)
      .filter(
        (path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.(ts|tsx|mjs)$/.test(path.split('/').at(-1) ?? ''),
      );
    expect(wrong).toEqual([]);
  });
  it('say what a thing does: no Manager, Helper, Util, Common', () => {
    const declared =
      /\b(?:class|interface|type|const|function)\s+(\w*(?:Manager|(?<!Bridge)Helper|Helpers|Util|Utils|Common))\b/g;
    const wrong = product.flatMap(({ path, text }) => [
      ...(/(manager|helper|helpers|util|utils)\.tsx?$/.test(path) ? [path] : []),
      ...[...text.matchAll(declared)].map(([, name]) => `${path}: ${name}`),
    ]);
    expect(wrong).toEqual([]);
  });
  it('come from the file that has the thing: only packages have an index', () => {
    const indexes = product.map(({ path }) => path).filter((path) => /\/index\.tsx?$/.test(path));
    expect(indexes.filter((path) => !/^packages\/[^/]+\/src\/(testing\/)?index\.ts$/.test(path))).toEqual([]);
    const barrels = product.filter(
      ({ path, text }) => !/\/index\.ts$/.test(path) && /^export \*/m.test(text),
    );
    expect(barrels.map(({ path }) => path)).toEqual([]);
  });
});

describe('what must never be written', () => {
  const product = sources.filter(isProduct);
  it('nobody but the lock itself names instance.lock.db: reading the file drops the lock', () => {
    const naming = product.filter(({ text }) => text.includes('instance.lock.db')).map(({ path }) => path);
    expect(naming).toEqual(['apps/server/src/db/instance-lock.ts']);
  });
  it('no write is left unsynced and no image unlocked', () => {
    const wrong = product.filter(({ text }) =>
      /cache=unsafe|cache:\s*'unsafe'|no-flush["']?[:=]\s*(?:true|on)|file\.locking|locking:\s*'off'|-t',\s*'unsafe/.test(
        text,
      ),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
  it('no command goes through a shell', () => {
    const wrong = below('apps/server/src/')
      .filter(isProduct)
      .filter(({ text }) => /shell:\s*true|\bexecSync\(|execaCommand|\bexec\(`/.test(text));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });
});
